package main

import (
	"errors"
	"io"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/report"
)

// tellRound tells in one line what the last of several rounds came to.
func (e *execution) tellRound(rounds []outcome.Document) {
	if e.flags.repeat > 1 && !e.flags.quiet && !e.toStdout() {
		e.terminal.printf("round %d of %d: %s\n", len(rounds), e.flags.repeat, report.Summary(rounds[len(rounds)-1], e.flags.strict))
	}
}

// finish writes the reports and turns the document into an exit status.
func (e *execution) finish(d outcome.Document) error {
	d, err := e.waive(d)
	d = explain(d)
	if err := errors.Join(e.write(d), err); err != nil {
		return exitError{outcome.ExitHarness, err}
	}
	if code := d.ExitCode(e.flags.strict); code != outcome.ExitOK {
		return exitError{code: code}
	}
	return nil
}

// write writes every report, whatever became of the others.
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
	return errors.Join(append(errs, e.terminal.failed)...)
}

// toStdout reports whether a machine's report goes where people's would.
func (e *execution) toStdout() bool { return e.flags.json == "-" || e.flags.junit == "-" }
