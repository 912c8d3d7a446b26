package rig

import (
	"context"
	"fmt"

	"github.com/sockharness/harness/harness/await"
	"github.com/sockharness/harness/harness/probe"
	"github.com/sockharness/harness/harness/scenario"
)

// AwaitStuck implements [scenario.Rig].
func (a *rig) AwaitStuck(ctx context.Context, neverReads bool) (string, error) {
	i := newIdleDetector(a.setup.log, scenario.Variant{}, a.setup.testbed.target)
	if i == nil || len(a.setup.testbed.ProcessTree()) == 0 {
		return "", errNotOurs
	}
	d, err := probe.StuckCheck{Tree: await.WithServices(a.setup.testbed.ProcessTree, a.setup.testbed.programs.ServiceTree),
		ApproxTree: await.WithServices(a.setup.testbed.approxTree, a.setup.testbed.programs.ServiceTree), Idle: i.isQuiet, NeverReads: neverReads}.ProveStuck(ctx)
	if err != nil {
		return "", fmt.Errorf("hang of the server: %w", err)
	}
	return d.String(), nil
}
