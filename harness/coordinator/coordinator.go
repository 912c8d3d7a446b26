// Package coordinator is the parent of a run: it hands out specs to worker
// processes and collects every report. Workers join it by [JoinCoordinator] and need
// no Ginkgo; they are given several specs at once where those are short. It speaks
// the protocol of Ginkgo's own parallel runs, too, so any Ginkgo test binary can be
// its worker, see [Config].
//
//	result, err := coordinator.RunSpecs(ctx, coordinator.Config{
//		Command: func(proc int) *exec.Cmd { return exec.Command(self, "worker") },
//		Procs:   4,
//		Specs:   specs, // of a preview
//	})
//
// A worker may die: its spec is reported with the exit status and the end of
// stderr, and a new process goes on with the rest. A worker may hang: it is
// killed and blamed. The run may be interrupted: workers clean up and report,
// then are killed. In each case every planned spec is in Result.Reports once,
// or in Result.Missing.
//
// What a dead worker left running is killed, on Linux: everything in its
// session, which programs under test share whatever their process group is.
//
// The protocol has no authentication; it listens on the loopback interface, as
// Ginkgo's does. Interrupts go to process groups; where there are none, on
// Windows, they reach workers through the protocol, within half a second.
package coordinator

import (
	"context"
	"errors"
	"os/exec"
	"regexp"
	"sync"
	"sync/atomic"
	"time"

	"github.com/onsi/ginkgo/v2/types"
)

// RunSpecs runs c.Specs and blocks until all workers are dead and their ports
// closed. When ctx is cancelled, workers get ^C and c.Grace to clean up; then
// Result.Interrupted is set, and there is no error.
//
// An error means that the harness and not a spec failed: a worker that dies
// three times without reporting anything, or a plan that does not fit the
// suite. The result holds what was reported until then.
func RunSpecs(ctx context.Context, c Config) (Result, error) {
	c, err := c.withDefaults()
	if err != nil {
		return Result{}, err
	}
	return newRun(c).runAll(ctx)
}

func (r *run) runAll(ctx context.Context) (Result, error) {
	if ctx.Err() != nil {
		r.result.Interrupted = len(r.plan.specs) > 0
		r.result.Missing = r.plan.missingSpecs()
		return r.result, nil
	}
	r.doLocked(func() {
		for _, w := range r.workers[:min(r.config.firstWorkers(), len(r.workers))] {
			r.launchWorker(ctx, w)
		}
	})
	r.watchRun(ctx)
	r.goroutines.Wait()
	r.result.Missing = r.plan.missingSpecs()
	return r.result, errors.Join(r.errs...)
}

// A run is the state of one call of [RunSpecs]. A call of a worker is answered under the lock,
// see doLocked: one goroutine for all calls would cost each call two changes of goroutine.
type run struct {
	config     Config
	begin      time.Time
	goroutines sync.WaitGroup
	changed    chan struct{} // room for one signal that watchRun has work to do

	mu           sync.Mutex // guards what follows
	plan         *plan
	schedule     *schedule
	workers      []*worker
	nextLook     time.Time // when watchRun looks again
	result       Result
	authors      []*session // who sent result.Reports[i]
	errs         []error
	growth       growth
	mayShare     bool        // the next parked worker may take a part of another's group
	aborting     atomic.Bool // ShouldAbort says yes; Ginkgo's workers ask several times for each spec
	stopping     bool        // no more work is handed out, and no worker is restarted
	deadline     time.Time   // when interrupted workers are killed
	reportBefore types.SpecState
	before       beforeSuite
	description  string
}

// A worker is a process number and the process that has it now.
type worker struct {
	proc      int
	session   *session // nil before the first process and after the last
	fruitless int      // processes in a row that reported nothing
	careful   bool     // a process has died in a batch: no more batches are handed out
	launched  bool     // there is or was a process
	finished  bool     // there is no process, and no other one starts unless the run grows
}

func newRun(c Config) *run {
	p := newPlan(c.Specs)
	r := &run{config: c, plan: p, schedule: newSchedule(p), changed: make(chan struct{}, 1), begin: time.Now(), growth: newGrowth()}
	for proc := 1; proc <= min(c.Procs, max(len(p.parallel), min(len(p.serial), 1))); proc++ {
		r.workers = append(r.workers, &worker{proc: proc, finished: true})
	}
	return r
}

// watchRun acts on timeouts and on the end of the context, until all workers have ended.
func (r *run) watchRun(ctx context.Context) {
	cancelled, hard := ctx.Done(), r.config.Hard
	timer := time.NewTimer(0)
	defer timer.Stop()
	for r.armTimer(timer) {
		select {
		case <-r.changed:
		case <-cancelled:
			cancelled = nil
			r.doLocked(r.interruptWorkers)
		case <-hard:
			hard = nil
			r.doLocked(r.interruptWorkers)
			r.doLocked(r.killAll)
		case <-timer.C:
			r.doLocked(func() {
				r.checkLimits(time.Now())
				r.grow(ctx, time.Now())
			})
		}
	}
}

// armTimer sets the timer to the next look, and returns false when all workers have
// finished.
func (r *run) armTimer(timer *time.Timer) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.nextLook = r.looksAt()
	timer.Reset(time.Until(r.nextLook))
	return !r.isFinished()
}

// looksAt is when watchRun must look next.
func (r *run) looksAt() time.Time { return earlier(r.nextDeadline(), r.growsAt()) }

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func (r *run) isFinished() bool {
	for _, w := range r.workers {
		if !w.finished {
			return false
		}
	}
	return true
}

// doLocked calls f holding the lock.
func (r *run) doLocked(f func()) { _ = r.answerLocked(func() error { f(); return nil }) }

// answerLocked calls f holding the lock and returns what f returns.
func (r *run) answerLocked(f func() error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	err := f()
	if r.isFinished() || r.looksAt().Before(r.nextLook) {
		select {
		case r.changed <- struct{}{}:
		default:
		}
	}
	return err
}

func (r *run) interruptWorkers() {
	r.result.Interrupted = true
	r.stopping = true
	if r.deadline.IsZero() {
		r.deadline = time.Now().Add(r.config.Grace)
	}
	for _, s := range r.liveSessions() {
		if s.process.interruptGroup() != nil {
			r.aborting.Store(true)
		}
	}
}

func (r *run) killAll() {
	for _, s := range r.liveSessions() {
		s.process.killGroup()
	}
}

// abortRun ends the run early: workers interrupt what they run.
func (r *run) abortRun() {
	r.aborting.Store(true)
	r.stopping, r.result.Aborted = true, true
}

func (r *run) liveSessions() []*session {
	var live []*session
	for _, w := range r.workers {
		if w.session != nil {
			live = append(live, w.session)
		}
	}
	return live
}

// workerTotal is how many workers there are, as each worker is told: more than one, since else
// it would not use the protocol.
func (r *run) workerTotal() int { return max(2, len(r.workers)) }

// workerCommand makes the command of worker proc for the coordinator at address.
func (r *run) workerCommand(proc int, address string) (*exec.Cmd, error) {
	cmd := r.config.Command(proc)
	if cmd == nil {
		return nil, errors.New("worker command: the configuration returned none")
	}
	if r.config.Foreign == nil {
		return cmd, nil
	}
	parallel := types.SuiteConfig{RandomSeed: r.config.Seed, FailFast: r.config.FailFast,
		ParallelProcess: proc, ParallelTotal: r.workerTotal(), ParallelHost: address}
	if proc == 1 {
		parallel.SkipStrings = skipNames(r.description, r.plan.finishedSerial())
	}
	return cmd, r.config.Foreign(cmd, parallel)
}

// skipNames returns the expressions that leave out the specs of those names.
func skipNames(description string, names []string) (skip []string) {
	for _, name := range names {
		skip = append(skip, `\A`+regexp.QuoteMeta(description+" "+name)+`\z`)
	}
	return skip
}
