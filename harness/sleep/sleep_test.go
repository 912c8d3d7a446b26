package sleep_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sockharness/harness/harness/sleep"
)

func TestForEndsWithTheTimeOrTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		if !sleep.For(t.Context(), time.Hour) || time.Since(start) != time.Hour {
			t.Errorf("slept %v, want an hour", time.Since(start))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		start = time.Now()
		if sleep.For(ctx, time.Hour) || time.Since(start) != time.Minute {
			t.Errorf("slept %v beyond the end of the context", time.Since(start))
		}
		if sleep.For(ctx, 0) {
			t.Error("the context had ended before")
		}
	})
}

// Less than a millisecond is not rounded up to one, and the end of the context is told.
func TestCloselyEndsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	start := time.Now()
	if !sleep.Closely(ctx, 100*time.Microsecond) || time.Since(start) < 100*time.Microsecond {
		t.Errorf("slept %v, want 100µs at least", time.Since(start))
	}
	cancel()
	for _, d := range []time.Duration{time.Microsecond, time.Hour} {
		if sleep.Closely(ctx, d) {
			t.Errorf("%v: the context had ended before", d)
		}
	}
}
