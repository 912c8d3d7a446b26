package rig

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/sockharness/harness/harness/await"
)

// AwaitAsleep implements [scenario.Rig]. The kernel gives no event for that.
func (a *rig) AwaitAsleep(ctx context.Context) error {
	if process, _ := a.setup.testbed.ServerProcess(); process == nil {
		return errNotOurs
	}
	ticker := time.NewTicker(pausePoll)
	defer ticker.Stop()
	for {
		if allAsleep(a.setup.testbed.ProcessTree()) {
			return nil
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return fmt.Errorf("the server is still busy: %w", context.Cause(ctx))
		}
	}
}

// allAsleep reports whether all threads of the processes sleep at one moment. They are
// looked at one after the other: none may have run meanwhile, or the one that was to
// work could have woken another one, seen asleep before, and be seen asleep after.
func allAsleep(pids []int) bool {
	before := await.ReadThreadStats(pids)
	return !anyIn(pids, "RD") && maps.Equal(before, await.ReadThreadStats(pids))
}
