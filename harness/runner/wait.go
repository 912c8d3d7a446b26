package runner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/sockharness/harness/harness/probe"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/sleep"
)

// maxStretch bounds by how many times its length a budget grows on a machine
// that is too busy.
const maxStretch = 2

// sampleInterval is how often the peers are looked at in a wait that has grown long,
// which it has after quiet; the longer it lasts, the less often.
const (
	firstSamplePeriod = 200 * time.Millisecond
	sampleInterval    = 100 * time.Millisecond
	sampleFraction    = 5 // parts of the time that the wait has lasted, if that is more
)

// spinTime is for how long a thread must have had a processor, without a sleep
// and while nothing moved, to count as one that never will sleep: beyond what the
// control took. Interpreters take up to half of that until they are up.
const spinTime = 800 * time.Millisecond

// controlCPUFactor is how many times the processor time of the control counts as work.
const controlCPUFactor = 2

// spinTimeSuspected is the same for a target that is known to hang or spin.
const spinTimeSuspected = 250 * time.Millisecond

// spinTimeElsewhere is the same where nothing is judged by it, see [testbed.plantedElsewhere].
const spinTimeElsewhere = 100 * time.Millisecond

// spinThreshold is for how long a thread must have had a processor to count as one that
// never will sleep.
func (p *scenarioRun) spinThreshold() time.Duration {
	work := p.controlCPU()
	switch {
	case p.testbed.knownHanging(p.scenario):
		return work + spinTimeElsewhere
	case p.testbed.suspectedToHang():
		return work + spinTimeSuspected
	}
	return work + spinTime
}

// controlCPU is how much processor time counts as work in one conversation.
func (p *scenarioRun) controlCPU() time.Duration {
	return controlCPUFactor * p.tc.Conversation.CPU
}

// proofTimeout is how long one attempt may take to prove that the peers wait for
// ever; it takes some 5 ms where they do. On a busy machine it may take longer by the time for
// which there was no processor, up to maxProofWait.
const (
	proofTimeout = 25 * time.Millisecond
	maxProofWait = time.Second
)

// errSpin is the cause of a wait that ended because a peer burns a processor
// and nothing moves.
var errSpin = errors.New("spins")

// A stuckError is the cause of a wait that ended because the peers are proven to
// wait forever.
type stuckError struct{ probe.Diagnosis }

func (e *stuckError) Error() string { return e.String() }

// A lateError is what became of a wait that ended with its budget.
type lateError struct {
	budget time.Duration
	cause  error
}

func (e *lateError) Error() string { return fmt.Sprintf("timed out after %s", e.budget) }

func (e *lateError) Unwrap() error { return e.cause }

// A wait says whom a budget is for.
type wait struct {
	budget     time.Duration
	pids       func() []int         // of the peers
	approxPIDs func() []int         // the same for who only counts; nil: pids
	services   func() []int         // of programs that the peers may wait for; nil: there are none
	moved      func() int64         // grows while bytes move; nil: a spin cannot be told from work
	idle       func() bool          // nothing is under way on our side; nil: it cannot be told
	neverReads bool                 // what lies unread with us is never read, see [probe.StuckCheck]
	spinAfter  time.Duration        // 0: the constant
	work       time.Duration        // processor time that the peers need without a fault
	moreTime   func() time.Duration // is asked when the budget is used up for how much longer to wait; nil: no longer
	storms     func() bool          // a client connects without a pause, and will go on; nil: there is none
	proofSlot  chan struct{}        // holds a token while somebody proves, so that one does at a time

	onCPUWait func(time.Duration) // is told for how long the peers, or we, got no processor; may be nil
}

// withoutProof returns a wait that ends with the budget and looks for no proof.
func (w wait) withoutProof() wait {
	return wait{budget: w.budget, pids: w.pids, approxPIDs: w.approxPIDs, onCPUWait: w.onCPUWait}
}

// startTimer returns a context that ends when the peers have had the budget, not
// counting the time for which a thread of theirs or ours was ready to run and
// got no processor (schedstat run_delay): on a busy machine a slow answer is not a
// wrong one. Peers that have had a processor for half of the budget have had
// enough. It ends sooner when they spin, or are proven to wait forever. The
// context's cause is context.DeadlineExceeded, errSpin, [scenario.ErrStorms] or a
// *stuckError. stop must be called; it waits.
func (w wait) startTimer(parent context.Context) (ctx context.Context, stop func()) {
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
func (w wait) watchPeers(ctx context.Context) error {
	first := min(firstSamplePeriod, w.budget/4)
	if !sleep.For(ctx, first/4) {
		return nil
	}
	if w.idle != nil {
		w.idle() // most peers have gone quiet by now, if they do
	}
	if !sleep.For(ctx, first-first/4) {
		return nil
	}
	l := newCPUMonitor(w)
	defer l.reportCPUWait()
	if stuck := w.proveStuck(ctx, 0); stuck != nil {
		return stuck
	}
	for {
		left := w.budget - first - l.budgetUsed()
		if left <= 0 && !l.undecided() {
			more := w.extension()
			if more <= 0 {
				return context.DeadlineExceeded
			}
			w.budget += more
			left += more
		}
		if !sleep.For(ctx, min(max(left, sampleInterval), max(sampleInterval, l.elapsed/sampleFraction))) {
			return nil
		}
		if l.takeSample(); l.ranSince >= cmp.Or(w.spinAfter, spinTime) {
			return errSpin
		}
		if w.storms != nil && w.storms() {
			return scenario.ErrStorms
		}
		if stuck := w.proveStuck(ctx, l.cpuWait); stuck != nil {
			return stuck
		}
	}
}

// extension is how much longer to wait than the budget.
func (w wait) extension() time.Duration {
	if w.moreTime == nil {
		return 0
	}
	return w.moreTime()
}

// proveStuck returns the proof that the peers wait forever, or nil. Processors have
// been short for so long.
func (w wait) proveStuck(ctx context.Context, cpuWait time.Duration) error {
	if w.idle == nil || !w.idle() {
		return nil
	}
	select {
	case w.proofSlot <- struct{}{}:
		defer func() { <-w.proofSlot }()
	default:
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, proofTimeout+min(cpuWait, maxProofWait))
	defer cancel()
	d, err := probe.StuckCheck{Tree: withServices(w.pids, w.services), ApproxTree: withServices(w.approxPIDs, w.services), Idle: w.idle, NeverReads: w.neverReads}.ProveStuck(ctx)
	if err != nil {
		return nil
	}
	return &stuckError{d}
}

// withServices returns a function that lists those of services, too.
func withServices(pids, services func() []int) func() []int {
	if pids == nil || services == nil {
		return pids
	}
	return func() []int { return append(slices.Clone(pids()), services()...) }
}

// explainCause tells what the cause of a wait's end says of the peers.
func explainCause(cause error) (spins bool, stuck string) {
	var s *stuckError
	if errors.As(cause, &s) {
		return false, s.String()
	}
	return errors.Is(cause, errSpin), ""
}

// stuckIn names the program and the system call of a proven hang, or nothing.
func stuckIn(cause error) string {
	var s *stuckError
	if errors.As(cause, &s) {
		return s.Place()
	}
	return ""
}

// A cpuMonitor is what the scheduler has told so far.
type cpuMonitor struct {
	wait
	at                      time.Time
	tree                    []int // the peers' processes, as of the first look
	peerThreads, ownThreads map[int]probe.SchedStat
	moves                   int64

	elapsed, cpuWait, ran time.Duration
	idleSince             cpuSample     // since when nothing has moved and one thread has not slept
	ranSince              time.Duration // for which a thread of the peers that does not sleep ran while nothing moved
}

// undecided reports whether a thread is busy at the end of the budget, so that a little
// more time tells work from a spin.
func (l *cpuMonitor) undecided() bool {
	return l.ranSince > 0 && l.elapsed < (1+maxStretch)*(l.budget+cmp.Or(l.spinAfter, spinTime))
}

// budgetUsed is how much of the budget is gone.
func (l *cpuMonitor) budgetUsed() time.Duration {
	if l.ran >= l.budget/2+l.work {
		return l.elapsed
	}
	return l.elapsed - min(l.cpuWait, maxStretch*l.budget)
}

// A cpuSample is a reading of the peers' threads.
type cpuSample struct {
	at    time.Time
	peers map[int]probe.SchedStat
}

// wasAwake reports whether a thread was awake all the time, as far as two
// readings can tell that are not taken at the very same moment as the time.
func wasAwake(t probe.SchedStat, passed time.Duration) bool {
	const skew = 30 * time.Millisecond
	return t.Ran+t.Waited+skew >= passed*9/10
}

// countedPIDs returns the peers whose threads are looked at.
func (w wait) countedPIDs() []int {
	if w.approxPIDs != nil {
		return w.approxPIDs()
	}
	return w.pids()
}

func newCPUMonitor(w wait) *cpuMonitor {
	tree := w.countedPIDs()
	now := cpuSample{time.Now(), threadStats(tree)}
	return &cpuMonitor{wait: w, at: now.at, tree: tree, peerThreads: now.peers, idleSince: now, ownThreads: ourThreads(), moves: w.progressCount()}
}

func (l *cpuMonitor) reportCPUWait() {
	if l.wait.onCPUWait != nil {
		l.wait.onCPUWait(l.cpuWait)
	}
}

// progressCount tells how much has moved so far.
func (w wait) progressCount() int64 {
	if w.moved == nil {
		return 0
	}
	return w.moved()
}

func (l *cpuMonitor) takeSample() {
	now, peers, ours, moves := time.Now(), threadStats(l.tree), ourThreads(), l.wait.progressCount()
	passed := now.Sub(l.at)
	theirs, own := diffStats(l.peerThreads, peers), diffStats(l.ownThreads, ours)
	l.elapsed += passed
	l.cpuWait += min(passed, max(theirs.waited, own.waited))
	l.ran += theirs.ran
	if l.moved == nil || moves != l.moves || !wasAwake(diffStats(l.idleSince.peers, peers).busiest, now.Sub(l.idleSince.at)) {
		l.idleSince = cpuSample{now, peers}
	}
	l.ranSince = diffStats(l.idleSince.peers, peers).busiest.Ran
	l.at, l.peerThreads, l.ownThreads, l.moves = now, peers, ours, moves
}

// threadStats returns what the scheduler has given each thread of the processes;
// nothing where the system does not tell.
func threadStats(pids []int) map[int]probe.SchedStat {
	turns, err := probe.ReadSchedStats(pids)
	if err != nil {
		return nil
	}
	return turns
}

func ourThreads() map[int]probe.SchedStat { return threadStats([]int{os.Getpid()}) }

// schedDelta is what the threads of some processes have got between two readings.
type schedDelta struct {
	waited  time.Duration   // the longest time that one thread has waited for a processor
	ran     time.Duration   // how long all have had one
	busiest probe.SchedStat // of the thread that was awake the longest, with a processor or without
}

func diffStats(before, after map[int]probe.SchedStat) (t schedDelta) {
	for id, now := range after {
		w, r := now.Waited-before[id].Waited, now.Ran-before[id].Ran
		t.waited, t.ran = max(t.waited, w), t.ran+r
		if w+r > t.busiest.Waited+t.busiest.Ran {
			t.busiest = probe.SchedStat{PID: now.PID, Ran: r, Waited: w}
		}
	}
	return t
}
