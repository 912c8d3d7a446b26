package runner

import (
	"context"
	"os"
	"time"
)

// mostStretch bounds by how many times its length a budget grows on a machine
// that is too busy.
const mostStretch = 3

// patient returns a context that ends when the peers have had the budget, not
// counting the time for which a thread of theirs or ours was ready to run and
// got no processor (schedstat(5) run_delay): on a busy machine a slow answer is
// not a wrong one. stop must be called; it waits.
func patient(parent context.Context, budget time.Duration, pids func() []int) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	own := func() []int { return append(pids(), os.Getpid()) }
	before, start := delays(own()), time.Now()
	done := make(chan struct{})
	go func() {
		defer close(done)
		timer := time.NewTimer(budget)
		defer timer.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-timer.C:
			}
			starved := min(since(before, delays(own())), mostStretch*budget)
			left := budget - (time.Since(start) - starved)
			if left < budget/50 {
				cancel(context.DeadlineExceeded)
				return
			}
			timer.Reset(left)
		}
	}()
	return ctx, func() { cancel(context.Canceled); <-done }
}

// since returns the longest time that one thread has waited for a processor
// between two readings.
func since(before, after map[int]time.Duration) time.Duration {
	var most time.Duration
	for thread, delay := range after {
		most = max(most, delay-before[thread])
	}
	return most
}
