package main

import (
	"cmp"
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/sockharness/harness/harness/coordinator"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/report"
	"github.com/sockharness/harness/harness/suite"
)

// A round plays the selection once.
type round struct {
	*execution
	started  time.Time
	results  []outcome.Result
	problems []string
}

// play starts the workers, hands out the specs and collects what came of them,
// until all are played or ctx ends. An error means that another round would
// come to nothing; it is among the document's problems.
func (r *round) play(ctx context.Context, hard <-chan struct{}, job string) (outcome.Document, error) {
	progress := report.NewProgress(r.terminal.out, report.ProgressOptions{TTY: r.terminal.tty, Total: len(r.specs),
		Quiet: r.flags.quiet || r.toStdout(), Strict: r.flags.strict, Width: r.terminal.width})
	result, err := coordinator.Run(ctx, r.coordination(job, hard, progress))
	if progressErr := progress.Close(); progressErr != nil && r.terminal.failed == nil {
		r.terminal.failed = progressErr
	}
	if err != nil {
		r.problems = append(r.problems, err.Error())
	}
	return r.document(result), err
}

func (r *round) coordination(job string, hard <-chan struct{}, progress *report.Progress) coordinator.Config {
	return coordinator.Config{
		Command: func(int) *exec.Cmd {
			return exec.Command(r.job.Runner.Self, "worker", job)
		},
		Procs: r.flags.procs, Specs: r.specs, Seed: r.flags.seed, FailFast: r.flags.failFast,
		SpecTimeout: r.flags.timeout, Hard: hard,
		OnStart: func(proc, _ int, name string) { progress.Started(proc, leaf(name)) },
		OnReport: func(_ int, report suite.Report) {
			if !suite.IsSpec(report) {
				return
			}
			results := r.collect(report)
			if r.flags.zoo {
				results = nil // in a zoo, red is no news
			}
			progress.Finished(specID(report), r.waivers.Accept(results, r.started))
		},
	}
}

// collect takes the results out of a spec's report. One that left none although
// it began has an invalid result: its worker died, or it panicked.
func (r *round) collect(report suite.Report) []outcome.Result {
	results, err := suite.Results(report)
	if err != nil {
		r.problems = append(r.problems, err.Error())
	}
	if len(results) == 0 && suite.Broke(report) {
		results = []outcome.Result{r.lost(report)}
	}
	if state := report.State.String(); len(results) > 0 && (state == "passed" || state == "failed") {
		r.played[specID(report)] = true
	}
	for i := range results {
		if results[i].Verdict != outcome.Pass && results[i].Verdict != outcome.Unsupported {
			results[i].Replay = r.flags.again(results[i])
		}
	}
	r.results = append(r.results, results...)
	return results
}

// lost is the result of a spec that cannot tell what became of it.
func (r *round) lost(report suite.Report) outcome.Result {
	id, target, _ := strings.Cut(specID(report), " on ")
	lost := outcome.Result{Target: target, Scenario: id, Level: outcome.Must, Verdict: outcome.Invalid,
		Elapsed: outcome.MillisOf(report.RunTime), Message: report.Failure.Message}
	for _, t := range r.topics {
		for _, s := range t.List() {
			if s.ID == id {
				lost.Level = s.Level
			}
		}
	}
	return lost
}

// document folds what was collected.
func (r *round) document(result coordinator.Result) outcome.Document {
	for _, c := range result.Crashes {
		r.problems = append(r.problems, strings.TrimSpace(fmt.Sprintf("worker %d %s while it ran %s\n%s", c.Proc, c.Exit, c.Name, c.Stderr)))
	}
	r.sort()
	d := outcome.Fold(r.flags.seed, r.started, time.Since(r.started), r.results)
	switch {
	case result.Interrupted:
		d.Stopped = "interrupted"
	case result.Aborted:
		d.Stopped = "fail-fast"
	case len(result.Missing) > 0:
		r.problems = append(r.problems, fmt.Sprintf("%d scenarios were never played, the first is %s", len(result.Missing), result.Missing[0].Name))
	}
	d.Problems = r.problems
	if d.ExitCode(r.flags.strict) == outcome.ExitOK {
		// A worker whose suite has failed although every result is green knows better.
		d.Problems = append(d.Problems, result.Failures...)
	}
	return d
}

// sort puts results in the order of targets and scenarios, whatever the order
// in which workers finished them; variants keep theirs.
func (r *round) sort() {
	targets, ids := map[string]int{}, map[string]int{}
	for i, t := range r.job.Targets {
		targets[t.Name] = i
	}
	for _, t := range r.topics {
		for _, s := range t.List() {
			ids[s.ID] = len(ids)
		}
	}
	slices.SortStableFunc(r.results, func(a, b outcome.Result) int {
		return cmp.Or(cmp.Compare(targets[a.Target], targets[b.Target]), cmp.Compare(ids[a.Scenario], ids[b.Scenario]))
	})
}
