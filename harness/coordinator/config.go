package coordinator

import (
	"errors"
	"fmt"
	"os/exec"
	"time"

	"github.com/onsi/ginkgo/v2/types"

	"github.com/sockharness/harness/harness/plural"
)

// Config is what is requested of [RunSpecs]. It must not be modified afterwards.
type Config struct {
	// Command makes the command of worker proc (1..Procs); it is called again
	// for every restart. The coordinator owns its Stdin, its session and its
	// environment variable [Environment], and reads along with its Stderr.
	Command func(proc int) *exec.Cmd
	// Foreign, if not nil, is called for every command before it starts. It is
	// for test binaries that do not call [JoinCoordinator] and must be told their seed and
	// parallel settings, the only ones set in parallel, on their command line:
	// see types.GenerateGinkgoTestRunArgs. Its SkipStrings are to be added to those of
	// the preview: the Serial specs that an earlier process has reported.
	Foreign func(cmd *exec.Cmd, parallel types.SuiteConfig) error

	Procs  int // worker processes, at least 1; no more are started than there is work for
	AtOnce int // how many of them start at once; the others start when those wait more than they compute. 0: all
	// ShareIdle has a worker that has run its groups take a part of another worker's only while
	// the processors are idle: each part costs the start of another server. Workers that do not
	// call [JoinCoordinator] take it at once, and so do all where the system does not tell.
	ShareIdle bool
	Ahead     bool   // workers run what [Worker.SpecsAhead] names: a worker gets another spec before another worker starts
	Specs     []Spec // what a preview found, in the order in which it should run
	Seed      int64  // must be the preview's: index and spec belong together only under one seed
	FailFast  bool   // the first failure ends the run; running specs are interrupted

	// SpecTimeout bounds one spec, all its attempts included. A worker that is
	// silent for longer than SpecTimeout + Grace is killed, and its spec fails.
	// 0 means that no spec is bounded.
	SpecTimeout time.Duration
	// KeepOutput is how many bytes of what each spec prints are put into its report if it
	// fails: half of them its first bytes, half its last. Stdout and stderr of a worker are one
	// pipe then. If bytes were left out, an entry of the report says so. 0: stdout is that of
	// the command, and reports have nothing of it.
	KeepOutput int
	// Grace is what workers get for cleaning up, after a spec's timeout and
	// after an interrupt. 0 means 10 s.
	Grace time.Duration
	// StartTimeout bounds a worker from its start to its first spec, and each
	// silence between. 0 means one minute.
	StartTimeout time.Duration

	// Hard, if not nil, is the second ^C: once it is closed or sends, the
	// workers' process groups are killed at once.
	Hard <-chan struct{}

	// OnStart and OnReport are never called at the same time. A call that blocks, blocks the
	// workers. OnStart is called for workers that call [JoinCoordinator]: for the first of the
	// specs that are handed out together, and for each that takes long. OnReport is called for
	// every report: of specs, of suite nodes, and those that the coordinator writes itself.
	OnStart func(proc, index int, name string)
	// OnProgress is called in the same way with Ginkgo's progress report of a spec that takes
	// long: see its flag --poll-progress-after. nil: progress is not reported.
	OnProgress func(proc int, p types.ProgressReport)
	OnReport   func(proc int, r types.SpecReport) // called for every report, see OnStart
}

// A Spec is one planned spec. [PlanSpecs] makes them from a preview.
type Spec struct {
	// Index is the number under which Ginkgo's workers know the spec. The specs
	// of one Ordered container share an index and run as one unit. Serial specs
	// have numbers of their own, which only tell Ordered containers apart.
	Index   int
	Name    string           // full text; how a report finds its spec
	Group   string           // specs of one group go to the same worker while it lasts; "" is no group
	Whole   bool             // the group is never shared: only the worker that began it runs its specs
	Serial  bool             // runs on worker 1 after all others have finished
	Timeout time.Duration    // replaces Config.SpecTimeout; 0 means that one
	Preview types.SpecReport // base of a report that the coordinator has to write itself; may be zero
}

// A Result is everything that happened.
type Result struct {
	Reports     []types.SpecReport // in order of arrival: specs, suite nodes, and what was written for dead workers
	Crashes     []Crash            // every worker that did not end by itself
	Interrupted bool               // the context was cancelled before the work was done
	Aborted     bool               // ended early by FailFast or by a spec's AbortSuite
	Left        []string           // names of processes that workers have left running, and that were killed; Linux only
	Missing     []Spec             // planned, but never reported
	Failures    []string           // why a worker calls its suite failed although no spec of it need have failed
}

// A Crash is the death of one worker process.
type Crash struct {
	Proc   int    // number of the worker, from 1
	Index  int    // of the spec that was running; -1 when none was
	Name   string // of the spec that was running; "" when none was
	Exit   string // "exit status 9", "signal: killed", and why when the coordinator did it
	Stderr string // the last 64 KiB
}

const (
	defaultGrace        = 10 * time.Second
	defaultStartTimeout = time.Minute
)

func (c Config) withDefaults() (Config, error) {
	switch {
	case c.Command == nil:
		return c, errors.New("coordinator config: no command")
	case c.Procs < 1:
		return c, fmt.Errorf("coordinator config: %s, want at least 1", plural.Count(c.Procs, "process"))
	case c.KeepOutput < 0:
		return c, fmt.Errorf("coordinator config: %d bytes of output to keep", c.KeepOutput)
	case c.SpecTimeout < 0 || c.Grace < 0 || c.StartTimeout < 0:
		return c, errors.New("coordinator config: a duration is negative")
	}
	for _, s := range c.Specs {
		if !s.Serial && (s.Index < 0 || s.Index >= noMoreWork) {
			return c, fmt.Errorf("coordinator config: spec %q has index %d", s.Name, s.Index)
		}
	}
	if c.Grace == 0 {
		c.Grace = defaultGrace
	}
	if c.StartTimeout == 0 {
		c.StartTimeout = defaultStartTimeout
	}
	if c.OnStart == nil {
		c.OnStart = func(int, int, string) {}
	}
	if c.OnReport == nil {
		c.OnReport = func(int, types.SpecReport) {}
	}
	return c, nil
}
