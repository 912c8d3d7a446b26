package peer

import (
	"context"
	"fmt"
	"time"
)

const (
	startSamples   = 40 // looks at a starting process within its timeout
	busyStartLimit = 6  // times the timeout that a process may take that is busy
)

// withStartTimeout returns a context that ends when the process has been idle for the
// timeout, and at the latest after busyStartLimit times that. A start that computes,
// reads from a disk or waits for a processor is slow, not stuck: an interpreter on a
// busy machine needs ten times as long as on an idle one. The caller calls stop, which
// waits for the goroutine.
func (p *Process) withStartTimeout(parent context.Context, timeout time.Duration) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.watchStart(ctx, cancel, timeout)
	}()
	return ctx, func() { cancel(nil); <-done }
}

func (p *Process) watchStart(ctx context.Context, cancel context.CancelCauseFunc, timeout time.Duration) {
	interval := max(timeout/startSamples, time.Millisecond)
	tick := time.NewTicker(interval)
	defer tick.Stop()
	begin := time.Now()
	var idle time.Duration
	var times map[int]time.Duration
	for last := begin; ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now, busy := time.Now(), false
		if times, busy = p.busyTimes(times); !busy {
			idle += now.Sub(last)
		}
		last = now
		if elapsed := now.Sub(begin); idle >= timeout || elapsed >= busyStartLimit*timeout {
			cancel(startTimeoutError(timeout, elapsed, idle))
			return
		}
	}
}

func startTimeoutError(timeout, elapsed, idle time.Duration) error {
	if elapsed < timeout+timeout/2 {
		return fmt.Errorf("not ready after %v", timeout)
	}
	return fmt.Errorf("not ready after %v, in which it was busy for %v", elapsed.Round(timeout/10), (elapsed - idle).Round(timeout/10))
}
