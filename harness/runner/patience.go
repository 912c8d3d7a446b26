package runner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/sockharness/harness/harness/probe"
)

// mostStretch bounds by how many times its length a budget grows on a machine
// that is too busy.
const mostStretch = 2

// glance is how often the peers are looked at in a wait that has grown long,
// which it has after quiet; the longer it lasts, the less often.
const (
	quiet    = 200 * time.Millisecond
	glance   = 100 * time.Millisecond
	glanceAt = 5 // parts of the time that the wait has lasted, if that is more
)

// spinning is for how long a thread must have had a processor, without a sleep
// and while nothing moved, to count as one that never will sleep. Interpreters take
// up to half of that until they are up.
const spinning = 800 * time.Millisecond

// spinningAgain is the same for a target that is known to hang or spin.
const spinningAgain = 250 * time.Millisecond

// spinningElsewhere is the same where nothing is judged by it, see [bench.elsewhere].
const spinningElsewhere = 100 * time.Millisecond

// spinning is for how long a thread must have had a processor to count as one that
// never will sleep.
func (p *play) spinning() time.Duration {
	switch {
	case p.bench.hopeless(p.scenario):
		return spinningElsewhere
	case p.bench.suspected():
		return spinningAgain
	}
	return spinning
}

// proving is how long one attempt may take to prove that the peers wait for
// ever; it takes some 5 ms where they do.
const proving = 25 * time.Millisecond

// errSpin is the cause of a wait that ended because a peer burns a processor
// and nothing moves.
var errSpin = errors.New("spins")

// A stuckError is the cause of a wait that ended because the peers are proven to
// wait for ever.
type stuckError struct{ probe.Diagnosis }

func (e *stuckError) Error() string { return e.String() }

// A lateError is what became of a wait that ended with its budget.
type lateError struct {
	budget time.Duration
	cause  error
}

func (e *lateError) Error() string { return fmt.Sprintf("not done after %s", e.budget) }

func (e *lateError) Unwrap() error { return e.cause }

// A wait says whom a budget is for.
type wait struct {
	budget   time.Duration
	pids     func() []int  // of the peers
	near     func() []int  // the same for who only counts; nil: pids
	moved    func() int64  // grows while bytes move; nil: a spin cannot be told from work
	idle     func() bool   // nothing is under way on our side; nil: it cannot be told
	deaf     bool          // what lies unread with us is never read, see [probe.Suspects]
	spinning time.Duration // 0: the constant
	prover   chan struct{} // holds a token while somebody proves, so that one does at a time

	starved func(time.Duration) // is told for how long the peers, or we, got no processor; may be nil
}

// only returns a wait that ends with the budget and looks for no proof.
func (w wait) only() wait {
	return wait{budget: w.budget, pids: w.pids, near: w.near, starved: w.starved}
}

// begin returns a context that ends when the peers have had the budget, not
// counting the time for which a thread of theirs or ours was ready to run and
// got no processor (schedstat run_delay): on a busy machine a slow answer is not a
// wrong one. Peers that have had a processor for half of the budget have had
// enough. It ends sooner when they spin, or are proven to wait for ever. The
// context's cause is context.DeadlineExceeded, errSpin or a *stuckError. stop
// must be called; it waits.
func (w wait) begin(parent context.Context) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if cause := w.watch(ctx); cause != nil {
			cancel(cause)
		}
	}()
	return ctx, func() { cancel(context.Canceled); <-done }
}

// watch returns why the wait is over, nil when the context was.
func (w wait) watch(ctx context.Context) error {
	first := min(quiet, w.budget/4)
	if !sleep(ctx, first/4) {
		return nil
	}
	if w.idle != nil {
		w.idle() // most peers have gone quiet by now, if they do
	}
	if !sleep(ctx, first-first/4) {
		return nil
	}
	l := newLook(w)
	defer l.tell()
	if stuck := w.prove(ctx); stuck != nil {
		return stuck
	}
	for left := w.budget - first; left > 0; left = w.budget - first - l.used() {
		if !sleep(ctx, min(left, max(glance, l.elapsed/glanceAt))) {
			return nil
		}
		if l.again(); l.awake >= cmp.Or(w.spinning, spinning) {
			return errSpin
		}
		if stuck := w.prove(ctx); stuck != nil {
			return stuck
		}
	}
	return context.DeadlineExceeded
}

// prove returns the proof that the peers wait for ever, or nil.
func (w wait) prove(ctx context.Context) error {
	if w.idle == nil || !w.idle() {
		return nil
	}
	select {
	case w.prover <- struct{}{}:
		defer func() { <-w.prover }()
	default:
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, proving)
	defer cancel()
	d, err := probe.Suspects{Tree: w.pids, Near: w.near, Idle: w.idle, Deaf: w.deaf}.Stuck(ctx)
	if err != nil {
		return nil
	}
	return &stuckError{d}
}

// verdict tells what the cause of a wait's end says of the peers.
func verdict(cause error) (spins bool, stuck string) {
	var s *stuckError
	if errors.As(cause, &s) {
		return false, s.String()
	}
	return errors.Is(cause, errSpin), ""
}

// A look is what the scheduler has told so far.
type look struct {
	wait
	at          time.Time
	tree        []int // the peers' processes, as of the first look
	peers, ours map[int]probe.Turn
	moves       int64

	elapsed, starved, ran time.Duration
	still                 moment        // since when nothing has moved and one thread has not slept
	awake                 time.Duration // for which a thread of the peers that does not sleep ran while nothing moved
}

// used is how much of the budget is gone.
func (l *look) used() time.Duration {
	if l.ran >= l.budget/2 {
		return l.elapsed
	}
	return l.elapsed - min(l.starved, mostStretch*l.budget)
}

// A moment is a reading of the peers' threads.
type moment struct {
	at    time.Time
	peers map[int]probe.Turn
}

// sleepless reports whether a thread was awake all the time, as far as two
// readings can tell that are not taken at the very same moment as the time.
func sleepless(t probe.Turn, passed time.Duration) bool {
	const skew = 30 * time.Millisecond
	return t.Ran+t.Waited+skew >= passed*9/10
}

// counted returns the peers whose threads are looked at.
func (w wait) counted() []int {
	if w.near != nil {
		return w.near()
	}
	return w.pids()
}

func newLook(w wait) *look {
	tree := w.counted()
	now := moment{time.Now(), threads(tree)}
	return &look{wait: w, at: now.at, tree: tree, peers: now.peers, still: now, ours: ourThreads(), moves: w.moves()}
}

func (l *look) tell() {
	if l.wait.starved != nil {
		l.wait.starved(l.starved)
	}
}

// moves tells how much has moved so far.
func (w wait) moves() int64 {
	if w.moved == nil {
		return 0
	}
	return w.moved()
}

func (l *look) again() {
	now, peers, ours, moves := time.Now(), threads(l.tree), ourThreads(), l.wait.moves()
	passed := now.Sub(l.at)
	theirs, own := since(l.peers, peers), since(l.ours, ours)
	l.elapsed += passed
	l.starved += min(passed, max(theirs.waited, own.waited))
	l.ran += theirs.ran
	if l.moved == nil || moves != l.moves || !sleepless(since(l.still.peers, peers).busiest, now.Sub(l.still.at)) {
		l.still = moment{now, peers}
	}
	l.awake = since(l.still.peers, peers).busiest.Ran
	l.at, l.peers, l.ours, l.moves = now, peers, ours, moves
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

// threads returns what the scheduler has given each thread of the processes;
// nothing where the system does not tell.
func threads(pids []int) map[int]probe.Turn {
	turns, err := probe.Turns(pids)
	if err != nil {
		return nil
	}
	return turns
}

func ourThreads() map[int]probe.Turn { return threads([]int{os.Getpid()}) }

// turns is what the threads of some processes have got between two readings.
type turns struct {
	waited  time.Duration // the longest time that one thread has waited for a processor
	ran     time.Duration // how long all have had one
	busiest probe.Turn    // of the thread that was awake the longest, with a processor or without
}

func since(before, after map[int]probe.Turn) (t turns) {
	for id, now := range after {
		w, r := now.Waited-before[id].Waited, now.Ran-before[id].Ran
		t.waited, t.ran = max(t.waited, w), t.ran+r
		if w+r > t.busiest.Waited+t.busiest.Ran {
			t.busiest = probe.Turn{PID: now.PID, Ran: r, Waited: w}
		}
	}
	return t
}
