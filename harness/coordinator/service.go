package coordinator

import (
	"errors"

	"github.com/onsi/ginkgo/v2/types"
)

// noMoreWork is an index that no suite has: Ginkgo's workers stop asking.
const noMoreWork = 1 << 30

// Ginkgo's workers know these two answers by their text: ask again later, and do not ask again.
var (
	errEarly = errors.New("early")
	errGone  = errors.New("gone")
)

// The arguments of the protocol. They have no names because net/rpc wants
// exported ones or none.
type (
	void        = struct{}
	beforeSuite = struct {
		Data  []byte
		State types.SpecState
	}
	// orders are what a worker learns when it joins.
	orders = struct {
		Mark int // descriptor of its start mark; 0: it has none
	}
	// progress is how far a worker is.
	progress = struct {
		Played []playedSpec // results that it has not told yet, in order
		Back   []int        // units that it has not begun and that others may take
	}
	// batch is what a worker is given at once.
	batch = struct {
		Given    []handed // in order; empty: there are no more, or not yet
		Wait     bool     // ask again soon: another worker may return units
		Parked   bool     // with Wait: not so soon, since the processors are in use
		Aborting bool     // the run is ended early
	}
	// handed is a unit of one spec.
	handed = struct {
		Index int
		Name  string // full text
	}
)

// A service holds the methods of Ginkgo's parallel protocol, and four of ours for workers
// without Ginkgo: Join, Next, Tell and Ahead. Each worker process has its own. Every method that
// changes something holds the coordinator's lock.
//
// Source: internal/parallel_support of ginkgo v2.34.0, unchanged since v2.9.0.
type service struct {
	run     *run
	session *session
}

func (v *service) noteAlive(f func()) error {
	return v.answerAlive(func() error { f(); return nil })
}

// answerAlive answers a call that is a sign of life, both when it comes and when it is answered: a
// worker must not be killed because a callback blocks the coordinator.
func (v *service) answerAlive(f func() error) error {
	v.session.calling.Add(1)
	defer v.session.calling.Add(-1)
	return v.run.answerLocked(func() error {
		defer v.session.noteAlive()
		return f()
	})
}

// Join tells a worker where its mark is.
func (v *service) Join(_ void, o *orders) error {
	return v.answerAlive(func() error {
		v.session.joined = true
		o.Mark = v.session.markAt
		if !v.run.plan.isSingle() {
			return errors.New("a worker without Ginkgo cannot run specs that are Ordered or Serial")
		}
		return nil
	})
}

// Ahead asks what may run beside the current spec. A timer in the worker calls it, so it is no
// sign of life.
func (v *service) Ahead(_ void, names *[]string) error {
	return v.run.answerLocked(func() error {
		*names = v.run.specsAhead(v.session)
		return nil
	})
}

// Next tells the progress of a worker that has begun its whole batch, and asks for the next.
func (v *service) Next(p progress, b *batch) error {
	return v.noteAlive(func() {
		v.run.takeProgress(v.session, p)
		*b = batch{Given: v.run.nextBatch(v.session), Wait: !v.session.done, Parked: v.session.parked, Aborting: v.run.aborting.Load()}
	})
}

// Tell tells the progress in the middle of a batch.
func (v *service) Tell(p progress, b *batch) error {
	return v.noteAlive(func() {
		v.run.takeProgress(v.session, p)
		v.run.noteRunning(v.session)
		b.Aborting = v.run.aborting.Load()
	})
}

// Leave is the last call of a worker that is interrupted.
func (v *service) Leave(p progress, _ *batch) error {
	return v.noteAlive(func() {
		v.run.takeProgress(v.session, p)
		v.session.done = true
	})
}

// SpecSuiteWillBegin says that the tree is built.
func (v *service) SpecSuiteWillBegin(r types.Report, _ *void) error {
	return v.noteAlive(func() { v.run.noteBegun(v.session, r) })
}

// DidRun brings the report of a spec or of a suite node. It comes by address: for a copy each call
// would grow the stack of its goroutine.
func (v *service) DidRun(r *types.SpecReport, _ *void) error {
	return v.noteAlive(func() { v.run.takeReport(v.session, r) })
}

// SpecSuiteDidEnd is the worker's last call.
func (v *service) SpecSuiteDidEnd(r types.Report, _ *void) error {
	return v.noteAlive(func() { v.run.noteEnded(v.session, r) })
}

// EmitProgressReport says where a spec is. A hanging spec sends them too, so
// it is no sign of life.
func (v *service) EmitProgressReport(p types.ProgressReport, _ *void) error {
	if v.run.config.OnProgress == nil {
		return nil
	}
	return v.run.answerLocked(func() error {
		v.run.config.OnProgress(v.session.worker.proc, p)
		return nil
	})
}

// EmitOutput brings what the suite nodes of worker 1 print. It is dropped: their reports have it
// too.
func (v *service) EmitOutput(output []byte, n *int) error {
	*n = len(output)
	return v.noteAlive(func() {})
}

// Counter asks for work.
func (v *service) Counter(_ void, index *int) error {
	return v.noteAlive(func() { *index = v.run.nextUnit(v.session) })
}

// Abort ends the run early.
func (v *service) Abort(void, *void) error {
	return v.noteAlive(v.run.abortRun)
}

// ShouldAbort is called by a timer in the worker, so it is no sign of life.
func (v *service) ShouldAbort(_ void, answer *bool) error {
	*answer = v.run.aborting.Load()
	return nil
}

// ReportBeforeSuiteCompleted says how worker 1's ReportBeforeSuite ended.
func (v *service) ReportBeforeSuiteCompleted(state types.SpecState, _ *void) error {
	return v.noteAlive(func() { v.run.reportBefore = state })
}

// ReportBeforeSuiteState asks how it ended.
func (v *service) ReportBeforeSuiteState(_ void, state *types.SpecState) error {
	return v.answerAlive(func() error {
		*state = v.run.reportBefore
		return v.run.untilFirst(*state)
	})
}

// BeforeSuiteCompleted brings what worker 1's SynchronizedBeforeSuite made.
func (v *service) BeforeSuiteCompleted(b beforeSuite, _ *void) error {
	return v.noteAlive(func() { v.run.before = b })
}

// BeforeSuiteState asks for it.
func (v *service) BeforeSuiteState(_ void, b *beforeSuite) error {
	return v.answerAlive(func() error {
		*b = v.run.before
		return v.run.untilFirst(b.State)
	})
}

// HaveNonprimaryProcsFinished asks whether worker 1 is alone.
func (v *service) HaveNonprimaryProcsFinished(void, *void) error {
	return v.answerAlive(func() error {
		return v.run.untilAlone()
	})
}

// AggregatedNonprimaryProcsReport asks for what the others reported.
func (v *service) AggregatedNonprimaryProcsReport(_ void, r *types.Report) error {
	return v.answerAlive(func() error {
		if err := v.run.untilAlone(); err != nil {
			return err
		}
		*r = v.run.reportOfOthers(v.session)
		return nil
	})
}
