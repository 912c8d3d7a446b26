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
	if code := e.exitCode(d); code != outcome.ExitOK {
		return exitError{code: code}
	}
	return nil
}

func (e *execution) exitCode(d outcome.Document) int {
	if e.flags.zoo {
		return e.judgeZoo(d).ExitCode(d)
	}
	return d.ExitCode(e.flags.strict)
}

// judgeZoo holds the document against what the targets say is planted in them.
func (e *execution) judgeZoo(d outcome.Document) report.Zoo {
	var programs []report.Program
	for _, t := range e.job.Targets {
		programs = append(programs, report.Program{Name: t.Name, Planted: t.Planted})
	}
	var columns []string
	for _, t := range e.topics {
		for _, s := range t.List() {
			columns = append(columns, s.ID)
		}
	}
	return report.JudgeZoo(d, programs, columns, e.flags.strict)
}

// write writes every report, whatever became of the others.
func (e *execution) write(d outcome.Document) error {
	options := report.Options{Verbose: e.flags.verbose, Quiet: e.flags.quiet, Strict: e.flags.strict,
		Color: e.terminal.color, Width: e.terminal.width()}
	var errs []error
	switch {
	case e.toStdout() || e.terminal.failed != nil:
	case e.flags.zoo:
		if !e.terminal.tty {
			options.Width = 160
		}
		errs = append(errs, report.Matrix(e.terminal.out, d, e.judgeZoo(d), options))
	default:
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
