// Package coordinator is the parent of a run: it hands out specs, one at a
// time, to worker processes that run Ginkgo suites, and collects every report
// the moment it is made. It speaks the protocol of Ginkgo's own parallel runs,
// so any Ginkgo test binary can be its worker.
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
	"sync"
	"time"

	"github.com/onsi/ginkgo/v2/types"
)

// Run runs c.Specs and blocks until all workers are dead and their ports
// closed. When ctx is cancelled, workers get ^C and c.Grace to clean up; that is
// no error but Result.Interrupted.
//
// An error means that the harness and not a spec failed: a worker that dies
// three times without reporting anything, or a plan that does not fit the
// suite. The result holds what was reported all the same.
func Run(ctx context.Context, c Config) (Result, error) {
	c, err := c.complete()
	if err != nil {
		return Result{}, err
	}
	r := newRun(c)
	if ctx.Err() != nil {
		r.result.Interrupted = len(r.plan.specs) > 0
		r.result.Missing = r.plan.missing()
		return r.result, nil
	}
	for _, w := range r.workers {
		r.launch(ctx, w)
	}
	r.loop(ctx)
	r.goroutines.Wait()
	r.result.Missing = r.plan.missing()
	return r.result, errors.Join(r.errs...)
}

// A run is the running state of one Run. Only the goroutine of loop touches
// it; others hand that goroutine a function, see do.
type run struct {
	config     Config
	plan       *plan
	schedule   *schedule
	workers    []*worker
	calls      chan func()
	goroutines sync.WaitGroup

	begin        time.Time
	result       Result
	authors      []*session // who sent result.Reports[i]
	errs         []error
	aborting     bool      // ShouldAbort says yes
	stopping     bool      // no more work is handed out and nobody restarted
	deadline     time.Time // when interrupted workers are killed
	reportBefore types.SpecState
	before       beforeSuite
	description  string
}

// A worker is a process number and whoever plays it.
type worker struct {
	proc      int
	session   *session // nil before the first process and after the last
	fruitless int      // processes in a row that reported nothing
	finished  bool     // no process will follow
}

func newRun(c Config) *run {
	p := newPlan(c.Specs)
	r := &run{config: c, plan: p, schedule: newSchedule(p), calls: make(chan func()), begin: time.Now()}
	for proc := 1; proc <= min(c.Procs, max(len(p.parallel), min(len(p.serial), 1))); proc++ {
		r.workers = append(r.workers, &worker{proc: proc})
	}
	return r
}

func (r *run) loop(ctx context.Context) {
	cancelled, hard := ctx.Done(), r.config.Hard
	timer := time.NewTimer(0)
	defer timer.Stop()
	for !r.finished() {
		timer.Reset(time.Until(r.nextDeadline()))
		select {
		case f := <-r.calls:
			f()
		case <-cancelled:
			cancelled = nil
			r.interrupt()
		case <-hard:
			hard = nil
			r.interrupt()
			r.killAll()
		case <-timer.C:
			// A callback that blocked this goroutine must not cost a worker its
			// life: hear first what they have said meanwhile.
			r.hear()
			r.watch(time.Now())
		}
	}
}

// hear answers the calls that are waiting.
func (r *run) hear() {
	for {
		select {
		case f := <-r.calls:
			f()
		default:
			return
		}
	}
}

func (r *run) finished() bool {
	for _, w := range r.workers {
		if !w.finished {
			return false
		}
	}
	return true
}

// do calls f on the goroutine of loop and returns what f returns. The loop
// lasts as long as anybody can call do.
func (r *run) do(f func() error) error {
	answer := make(chan error, 1)
	r.calls <- func() { answer <- f() }
	return <-answer
}

func (r *run) interrupt() {
	r.result.Interrupted = true
	r.stopping = true
	if r.deadline.IsZero() {
		r.deadline = time.Now().Add(r.config.Grace)
	}
	for _, s := range r.sessions() {
		if s.process.interrupt() != nil {
			r.aborting = true
		}
	}
}

func (r *run) killAll() {
	for _, s := range r.sessions() {
		s.process.kill()
	}
}

// abort ends the run early: workers interrupt what they run.
func (r *run) abort() {
	r.aborting, r.stopping, r.result.Aborted = true, true, true
}

func (r *run) sessions() []*session {
	var live []*session
	for _, w := range r.workers {
		if w.session != nil {
			live = append(live, w.session)
		}
	}
	return live
}

// total is what workers are told: above one, or they would not use the
// protocol.
func (r *run) total() int { return max(2, len(r.workers)) }

// command makes the command of worker proc for the coordinator at address.
func (r *run) command(proc int, address string) (*exec.Cmd, error) {
	cmd := r.config.Command(proc)
	if cmd == nil {
		return nil, errors.New("worker command: none was made")
	}
	if r.config.Foreign == nil {
		return cmd, nil
	}
	return cmd, r.config.Foreign(cmd, types.SuiteConfig{RandomSeed: r.config.Seed, FailFast: r.config.FailFast,
		ParallelProcess: proc, ParallelTotal: r.total(), ParallelHost: address})
}
