// Package await bounds a wait for programs by the time in which they could run. It ends a
// wait sooner where the programs spin, or are proven to wait forever.
//
//	limited, stop := await.Wait{Budget: 2 * time.Second, PIDs: process.ProcessTree}.Start(ctx)
//	defer stop()
//	exit, err := process.WaitExit(limited)
//	spins, stuck := await.Explain(context.Cause(limited))
//
// Time in which a thread was ready to run and got no processor does not count, up to twice
// the budget. The proof is that of harness/probe.
package await

import (
	"cmp"
	"context"
	"time"

	"github.com/sockharness/harness/harness/sleep"
)

// maxStretch bounds by how many times its length a budget grows on a machine
// that is too busy.
const maxStretch = 2

// sampleInterval is how often the peers are looked at after firstSamplePeriod; the longer
// the wait lasts, the less often.
const (
	firstSamplePeriod = 200 * time.Millisecond
	sampleInterval    = 100 * time.Millisecond
	sampleFraction    = 5 // parts of the time that the wait has lasted, if that is more
)

// SpinTime is for how long a thread must have had a processor, without a sleep
// and while nothing moved, to count as one that never will sleep: beyond what the
// control took. Interpreters take up to half of that until they are up.
const SpinTime = 800 * time.Millisecond

// A Wait says for whom a budget is, and what ends it sooner or later. Its functions are
// called from one goroutine.
type Wait struct {
	Budget     time.Duration        // that the peers have, more than 0
	PIDs       func() []int         // processes of the peers
	ApproxPIDs func() []int         // the same, cheaper, where only their CPU time counts; nil: PIDs
	Services   func() []int         // processes that the peers may wait for; nil: there are none
	Moved      func() int64         // grows while bytes move; nil: a spin cannot be told from work
	Idle       func() bool          // whether nothing is under way on our side; nil: it cannot be told, so nothing is proven
	NeverReads bool                 // what lies unread with us is never read, see [probe.StuckCheck]
	SpinAfter  time.Duration        // for how long a thread must not sleep while nothing moves to count as a spin; 0: [SpinTime]
	Work       time.Duration        // processor time that the peers need without a fault
	MoreTime   func() time.Duration // how much longer to wait when the budget is used up; nil: no longer
	EndEarly   func() error         // is asked at each look: an error ends the wait, and is its cause; nil: nothing does
	ProofSlot  chan struct{}        // has room for one token, and is shared by waits that must not prove at a time; nil: nothing is proven

	OnCPUWait func(time.Duration) // is told for how long the peers, or we, got no processor; nil: nobody is
}

// WithoutProof returns a wait that ends with the budget and looks for no proof.
func (w Wait) WithoutProof() Wait {
	return Wait{Budget: w.Budget, PIDs: w.PIDs, ApproxPIDs: w.ApproxPIDs, OnCPUWait: w.OnCPUWait}
}

// Start returns a context that ends when the peers have had the budget, not
// counting the time for which a thread of theirs or ours was ready to run and
// got no processor (schedstat run_delay): on a busy machine a slow answer is not a
// wrong one. Peers that have had a processor for half of the budget have had
// enough. It ends sooner when they spin, or are proven to wait forever. The
// context's cause is context.DeadlineExceeded, [ErrSpin], what EndEarly returned, or a
// *StuckError. stop must be called; it waits.
func (w Wait) Start(parent context.Context) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if cause := w.watchPeers(ctx); cause != nil {
			cancel(cause)
		}
	}()
	return ctx, func() { cancel(context.Canceled); <-done }
}

// watchPeers returns why the wait is over, nil when the context was.
func (w Wait) watchPeers(ctx context.Context) error {
	first := min(firstSamplePeriod, w.Budget/4)
	if !sleep.For(ctx, first/4) {
		return nil
	}
	if w.Idle != nil {
		w.Idle() // most peers have gone quiet by now, if they do
	}
	if !sleep.For(ctx, first-first/4) {
		return nil
	}
	l := newCPUMonitor(w)
	defer l.reportCPUWait()
	if stuck := w.ProveStuck(ctx, 0); stuck != nil {
		return stuck
	}
	for {
		left := w.Budget - first - l.budgetUsed()
		if left <= 0 && !l.undecided() {
			more := w.extension()
			if more <= 0 {
				return context.DeadlineExceeded
			}
			w.Budget += more
			left += more
		}
		if !sleep.For(ctx, min(max(left, sampleInterval), max(sampleInterval, l.elapsed/sampleFraction))) {
			return nil
		}
		if l.takeSample(); l.ranSince >= cmp.Or(w.SpinAfter, SpinTime) {
			return ErrSpin
		}
		if w.EndEarly != nil {
			if cause := w.EndEarly(); cause != nil {
				return cause
			}
		}
		if stuck := w.ProveStuck(ctx, l.cpuWait); stuck != nil {
			return stuck
		}
	}
}

// extension is how much longer to wait than the budget.
func (w Wait) extension() time.Duration {
	if w.MoreTime == nil {
		return 0
	}
	return w.MoreTime()
}
