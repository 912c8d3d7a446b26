package liveness

import (
	"context"
	"time"

	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/sleep"
)

// pollUntil asks the kernel until it says so. It fails when the server has had its
// budget, and sooner when it is proven that nothing will happen any more.
func pollUntil(ctx context.Context, rig scenario.ConversationRig, done func() (bool, error)) error {
	idle, still := func() bool { return true }, func() int64 { return 0 }
	watched, stop := rig.WatchProgress(ctx, idle, still)
	defer stop()
	for last := false; ; last = !sleep.For(watched, time.Millisecond) {
		ok, err := done()
		if ok || err != nil {
			return err
		}
		if last { // what is proven to wait forever may have done it since the look before
			return context.Cause(watched)
		}
	}
}
