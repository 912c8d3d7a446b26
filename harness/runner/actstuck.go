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
	stuck := probe.Stuck
	if deaf {
		stuck = probe.StuckUnread
	}
	d, err := stuck(ctx, a.bench().tree, i.idle)
	if err != nil {
		return "", fmt.Errorf("hang of the server: %w", err)
	}
	return d.String(), nil
}
