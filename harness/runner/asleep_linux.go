package runner

import (
	"context"
	"fmt"
	"time"
)

// AwaitAsleep implements [scenario.Rig]. The kernel gives no event for that.
func (a *act) AwaitAsleep(ctx context.Context) error {
	ticker := time.NewTicker(poll)
	defer ticker.Stop()
	for {
		pids := a.bench().tree()
		if len(pids) == 0 {
			return errNotOurs
		}
		if still(pids) {
			return nil
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return fmt.Errorf("the server is still busy: %w", context.Cause(ctx))
		}
	}
}
