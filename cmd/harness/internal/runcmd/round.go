package runcmd

import (
	"cmp"
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sockharness/harness/harness/coordinator"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/plural"
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

// playRound starts the workers, hands out the specs and collects what came of them,
// until all are played or ctx ends. An error means that another round would
// come to nothing; it is among the document's problems.
func (r *round) playRound(ctx context.Context, hard <-chan struct{}, job string) (outcome.Run, error) {
	progress := report.NewProgress(r.terminal.Out, report.ProgressOptions{TTY: r.terminal.TTY, Total: len(r.specs) + r.goSpecCount(),
		Quiet: r.flags.quiet || r.toStdout(), Strict: r.flags.strict, Width: r.terminal.Width, Costs: r.selectedCosts()})
	progress.Start()
	var result coordinator.Result
	var err error
	config := r.coordinatorConfig(job, hard, progress)
	defer runNarrow()()
	if len(r.specs) > 0 {
		result, err = coordinator.RunSpecs(ctx, config)
	}
	if err == nil && !result.Aborted {
		others := r.playGoSuites(ctx, hard, progress)
		result.Interrupted, result.Aborted = result.Interrupted || others.Interrupted, others.Aborted
	}
	if progressErr := progress.Close(); progressErr != nil && r.terminal.Failed == nil {
		r.terminal.Failed = progressErr
	}
	if err != nil {
		r.problems = append(r.problems, err.Error())
	}
	return r.foldDocument(result), err
}

// selectedCosts are what the selected scenarios took the last time; nil where it is not
// known of most of them.
func (r *round) selectedCosts() map[string]float64 {
	known, costs := r.lastCosts(), map[string]float64{}
	for _, s := range r.specs {
		id := specID(s.Preview)
		if cost := known[id]; cost > 0 {
			costs[id] = cost
		}
	}
	if 2*len(costs) < len(r.specs) {
		return nil
	}
	return costs
}

func (r *round) coordinatorConfig(job string, hard <-chan struct{}, progress *report.Progress) coordinator.Config {
	threads := strconv.Itoa(workerThreads(min(r.flags.procs, cmp.Or(r.flags.atOnce, r.flags.procs))))
	return coordinator.Config{
		Command: func(int) *exec.Cmd {
			return exec.Command(r.job.Runner.Self, "worker", "--threads", threads, job)
		},
		Procs: r.flags.procs, AtOnce: r.flags.atOnce, Ahead: r.job.Ahead, ShareIdle: r.flags.zoo, Specs: r.specs, Seed: r.flags.seed, FailFast: r.flags.failFast,
		SpecTimeout: r.flags.timeout, Hard: hard,
		OnStart: func(proc, _ int, name string) { progress.ScenarioStarted(proc, specIDOf(name)) },
		OnReport: func(_ int, report suite.Report) {
			if !suite.IsSpec(report) {
				return
			}
			results := r.collectResults(report)
			if r.flags.zoo {
				results = nil // in a zoo, red is no news
			}
			progress.ScenarioFinished(specID(report), r.waivers.AcceptResults(results, r.started))
		},
	}
}

// collectResults takes the results out of a spec's report. One that left none although
// it began has an invalid result: its worker died, or it panicked.
func (r *round) collectResults(report suite.Report) []outcome.Result {
	results, err := suite.SpecResults(report)
	suite.ForgetResults(report)
	results = r.omitLackingVariant(results)
	if err != nil {
		r.problems = append(r.problems, err.Error())
	}
	if len(results) == 0 && suite.EndedAbnormally(report) {
		results = []outcome.Result{r.missingResult(report)}
	}
	if state := report.State.String(); len(results) > 0 && (state == "passed" || state == "failed") && r.partName(specID(report)) == "" {
		r.played[specID(report)] = true
	}
	for i := range results {
		if results[i].Verdict != outcome.Pass && results[i].Verdict != outcome.Unsupported {
			results[i].Replay = r.flags.replayCommand(results[i], r.files.FileOf(results[i].Scenario))
		}
	}
	r.results = append(r.results, results...)
	return results
}

// missingResult is the result of a spec that cannot tell what became of it.
func (r *round) missingResult(report suite.Report) outcome.Result {
	id, target, _ := strings.Cut(specID(report), " on ")
	lost := outcome.Result{Target: target, Scenario: id, Level: outcome.Must, Verdict: outcome.Invalid,
		Elapsed: outcome.MillisOf(report.RunTime), Message: report.Failure.Message}
	if s, known := r.findScenario(id); known {
		lost.Level = s.Level
	}
	return lost
}

// foldDocument folds what was collected.
func (r *round) foldDocument(result coordinator.Result) outcome.Run {
	for _, c := range result.Crashes {
		r.problems = append(r.problems, strings.TrimSpace(fmt.Sprintf("worker %d %s while it ran %s\n%s", c.Proc, c.Exit, c.Name, c.Stderr)))
	}
	r.sortResults()
	d := outcome.FoldResults(r.flags.seed, r.started, time.Since(r.started), r.results)
	d = d.LiftControls()
	d.Recorded = r.recorded
	d.ID, d.Shard, d.Environment = r.runID, r.shard, r.flags.describeEnvironment()
	switch {
	case result.Interrupted:
		d.Stopped = "interrupted"
	case result.Aborted:
		d.Stopped = "fail-fast"
	case len(result.Missing) > 0:
		r.problems = append(r.problems, fmt.Sprintf("%s never ran, the first is %s", plural.Count(len(result.Missing), "scenario"), result.Missing[0].Name))
	}
	d.Problems = r.problems
	if d.ExitCode(r.flags.strict) == outcome.ExitOK {
		// A worker whose suite has failed although every result is green knows better.
		d.Problems = append(d.Problems, result.Failures...)
	}
	return d
}

// sortResults puts results in the order of targets and scenarios, whatever the order
// in which workers finished them; variants keep theirs.
func (r *round) sortResults() {
	targets, ids := map[string]int{}, map[string]int{}
	for i, t := range r.job.Targets {
		targets[t.Name] = i
	}
	for _, t := range r.topics {
		for _, s := range t.List() {
			ids[s.ID] = len(ids)
		}
	}
	places := make([]resultPlace, len(r.results)) // a result is too large to be moved for each comparison
	for i, one := range r.results {
		places[i] = resultPlace{targets[one.Target], ids[one.Scenario], i}
	}
	slices.SortFunc(places, resultPlace.compare)
	sorted := slices.Grow([]outcome.Result(nil), len(places))
	for _, p := range places {
		sorted = append(sorted, r.results[p.arrived])
	}
	r.results = sorted
}

// A resultPlace is where a result belongs.
type resultPlace struct{ target, scenario, arrived int }

func (p resultPlace) compare(o resultPlace) int {
	return cmp.Or(cmp.Compare(p.target, o.target), cmp.Compare(p.scenario, o.scenario), cmp.Compare(p.arrived, o.arrived))
}
