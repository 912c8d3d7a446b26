package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/sockharness/harness/harness/coordinator"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/report"
	"github.com/sockharness/harness/harness/suite"
)

// collect takes the results out of a spec's report. A spec that left none has
// not been played: its worker crashed, or it was interrupted.
func (e *execution) collect(r suite.Report) []outcome.Result {
	results, err := suite.Results(r)
	if err != nil {
		e.problems = append(e.problems, err.Error())
	}
	if len(results) == 0 && suite.Broke(r) {
		e.problems = append(e.problems, fmt.Sprintf("%s: %s", specID(r), strings.SplitN(r.Failure.Message, "\n", 2)[0]))
	}
	for i := range results {
		if results[i].Verdict != outcome.Pass && results[i].Verdict != outcome.Unsupported {
			results[i].Replay = e.flags.again(results[i])
		}
	}
	e.results = append(e.results, results...)
	return results
}

// finish writes the reports and turns the document into an exit status.
func (e *execution) finish(result coordinator.Result) error {
	for _, c := range result.Crashes {
		e.problems = append(e.problems, strings.TrimSpace(fmt.Sprintf("worker %d %s while it ran %s\n%s", c.Proc, c.Exit, c.Name, c.Stderr)))
	}
	e.sort()
	document := outcome.Fold(e.flags.seed, e.started, time.Since(e.started), e.results)
	switch {
	case result.Interrupted:
		document.Stopped = "interrupted"
	case result.Aborted:
		document.Stopped = "fail-fast"
	case len(result.Missing) > 0:
		e.problems = append(e.problems, fmt.Sprintf("%d scenarios were never played, the first is %s", len(result.Missing), result.Missing[0].Name))
	}
	document.Problems = e.problems
	if document.ExitCode(e.flags.strict) == outcome.ExitOK {
		// A worker whose suite has failed although every result is green knows better.
		document.Problems = append(document.Problems, result.Failures...)
	}
	if err := e.write(document); err != nil {
		return err
	}
	if code := document.ExitCode(e.flags.strict); code != outcome.ExitOK {
		return exitError{code: code}
	}
	return nil
}

// sort puts results in the order of targets and scenarios, whatever the order
// in which workers finished them; variants keep theirs.
func (e *execution) sort() {
	targets, ids := map[string]int{}, map[string]int{}
	for i, t := range e.job.Targets {
		targets[t.Name] = i
	}
	for _, t := range e.topics {
		for _, s := range t.List() {
			ids[s.ID] = len(ids)
		}
	}
	slices.SortStableFunc(e.results, func(a, b outcome.Result) int {
		return cmp.Or(cmp.Compare(targets[a.Target], targets[b.Target]), cmp.Compare(ids[a.Scenario], ids[b.Scenario]))
	})
}

func (e *execution) write(d outcome.Document) error {
	options := report.Options{Verbose: e.flags.verbose, Quiet: e.flags.quiet, Strict: e.flags.strict,
		Color: e.terminal.color, Width: e.terminal.width()}
	var errs []error
	if !e.toStdout() && e.terminal.failed == nil {
		errs = append(errs, report.Text(e.terminal.out, d, options))
	}
	if e.flags.json != "" {
		errs = append(errs, report.Write(e.flags.json, func(w io.Writer) error { return report.JSON(w, d) }))
	}
	if e.flags.junit != "" {
		errs = append(errs, report.Write(e.flags.junit, func(w io.Writer) error { return report.JUnit(w, d, e.flags.strict) }))
	}
	if err := errors.Join(errs...); err != nil {
		return broken("%w", err)
	}
	return e.terminal.err()
}

// toStdout reports whether a machine's report goes where people's would.
func (e *execution) toStdout() bool { return e.flags.json == "-" || e.flags.junit == "-" }
