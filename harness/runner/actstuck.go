package runner

import (
	"context"
	"fmt"

	"github.com/sockharness/harness/harness/probe"
	"github.com/sockharness/harness/harness/scenario"
)

// AwaitStuck implements [scenario.Rig].
func (a *act) AwaitStuck(ctx context.Context, deaf bool) (string, error) {
	i := newIdleness(a.stage.log, scenario.Variant{}, a.bench().target)
	if i == nil || len(a.bench().tree()) == 0 {
		return "", errNotOurs
	}
	d, err := probe.Suspects{Tree: a.bench().tree, Near: a.bench().near, Idle: i.idle, Deaf: deaf}.Stuck(ctx)
	if err != nil {
		return "", fmt.Errorf("hang of the server: %w", err)
	}
	return d.String(), nil
}
