package runner

import (
	"context"
	"os"
	"time"
)

// mostStretch bounds by how many times its length a budget grows on a machine
// that is too busy.
const mostStretch = 2

// patient returns a context that ends when the peers have had the budget, not
// counting the time for which a thread of theirs or ours was ready to run and
// got no processor (schedstat(5) run_delay): on a busy machine a slow answer is
// not a wrong one. A peer that has had a processor for half of the budget has
// had enough. stop must be called; it waits.
//
// The threads are looked at from the middle of the budget on: most waits are
// over by then and cost nothing.
func patient(parent context.Context, budget time.Duration, pids func() []int) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	peers := func() map[int]thread { return threads(pids()) }
	ours := func() map[int]thread { return threads([]int{os.Getpid()}) }
	done := make(chan struct{})
	go func() {
		defer close(done)
		if !sleep(ctx, budget/2) {
			return
		}
		peersBefore, oursBefore, from := peers(), ours(), time.Now()
		for left := budget / 2; sleep(ctx, left); {
			starved, ran := since(peersBefore, peers())
			ourselves, _ := since(oursBefore, ours())
			starved = max(starved, ourselves)
			if ran < budget/2 {
				left = budget/2 - (time.Since(from) - min(starved, mostStretch*budget))
			}
			if ran >= budget/2 || left < budget/50 {
				cancel(context.DeadlineExceeded)
				return
			}
		}
	}()
	return ctx, func() { cancel(context.Canceled); <-done }
}

// sleep waits, and reports whether the context has lasted.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// A thread is what the scheduler knows of one.
type thread struct {
	ran    time.Duration // on a processor
	waited time.Duration // ready to run, without one
}

// since returns the longest times between two readings that one thread has
// waited for a processor, and that one has had one.
func since(before, after map[int]thread) (waited, ran time.Duration) {
	for id, t := range after {
		waited = max(waited, t.waited-before[id].waited)
		ran = max(ran, t.ran-before[id].ran)
	}
	return waited, ran
}
