package runner

import (
	"context"
	"fmt"
	"time"
)

// AwaitAsleep implements [scenario.Rig]. The kernel gives no event for that.
func (a *act) AwaitAsleep(ctx context.Context) error {
	if process, _ := a.bench().process(); process == nil {
		return errNotOurs
	}
	ticker := time.NewTicker(poll)
	defer ticker.Stop()
	for {
		if !anyIn(a.bench().tree(), "RD") {
			return nil
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return fmt.Errorf("the server is still busy: %w", context.Cause(ctx))
		}
	}
}
