package runner

import (
	"context"
	"fmt"

	"github.com/sockharness/harness/harness/await"
	"github.com/sockharness/harness/harness/probe"
	"github.com/sockharness/harness/harness/scenario"
)

// AwaitStuck implements [scenario.Rig].
func (a *rig) AwaitStuck(ctx context.Context, neverReads bool) (string, error) {
	i := newIdleDetector(a.setup.log, scenario.Variant{}, a.targetBed().target)
	if i == nil || len(a.targetBed().processTree()) == 0 {
		return "", errNotOurs
	}
	d, err := probe.StuckCheck{Tree: await.WithServices(a.targetBed().processTree, a.targetBed().servicesTree),
		ApproxTree: await.WithServices(a.targetBed().approxTree, a.targetBed().servicesTree), Idle: i.isQuiet, NeverReads: neverReads}.ProveStuck(ctx)
	if err != nil {
		return "", fmt.Errorf("hang of the server: %w", err)
	}
	return d.String(), nil
}
