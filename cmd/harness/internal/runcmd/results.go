package runcmd

import (
	"errors"
	"fmt"

	"github.com/sockharness/harness/cmd/harness/internal/cli"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/report"
)

// tellRound tells in one line what the last of several rounds came to.
func (e *execution) tellRound(number int, d outcome.Run) {
	if e.flags.rounds == 1 || e.flags.quiet || e.toStdout() {
		return
	}
	of := ""
	if e.flags.rounds > 1 {
		of = fmt.Sprintf(" of %d", e.flags.rounds)
	}
	e.terminal.Printf("round %d%s: %s\n", number, of, report.SummaryLine(d, e.flags.strict))
}

// finishRun writes the reports and turns the document into an exit status.
func (e *execution) finishRun(d outcome.Run) error {
	d, err := e.applyWaivers(d)
	d = e.explainRun(d)
	d, baselineErr := e.applyBaseline(d)
	err = errors.Join(err, baselineErr)
	e.keepLast(d)
	if e.flags.watchResult != "" {
		err = errors.Join(err, writeResult(e.flags.watchResult, d))
	}
	e.tellLackingVariant()
	if err := errors.Join(e.writeReports(d), err); err != nil {
		return cli.ExitError{Code: outcome.ExitHarness, Err: err}
	}
	if err := e.noVariantError(d); err != nil {
		return err
	}
	if code := e.exitCode(d); code != outcome.ExitOK {
		return cli.ExitError{Code: code}
	}
	return nil
}

func (e *execution) exitCode(d outcome.Run) int {
	if e.flags.zoo {
		return e.judgeZoo(d).ExitCode(d)
	}
	return d.ExitCode(e.flags.strict)
}

// judgeZoo holds the document against what the targets say is planted in them.
func (e *execution) judgeZoo(d outcome.Run) report.Zoo {
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

// writeReports writes every report, whatever became of the others.
func (e *execution) writeReports(d outcome.Run) error {
	options := report.Options{Verbose: e.flags.verbose, Quiet: e.flags.quiet, Strict: e.flags.strict,
		Color: e.terminal.Color, Width: e.terminal.Width()}
	var errs []error
	switch {
	case e.toStdout() || e.terminal.Failed != nil:
	case e.flags.zoo:
		if !e.terminal.TTY {
			options.Width = 160
		}
		errs = append(errs, report.WriteMatrix(e.terminal.Out, d, e.judgeZoo(d), options))
	default:
		errs = append(errs, report.WriteText(e.terminal.Out, d, options))
	}
	errs = append(errs, e.flags.outputs.WriteAll(e.terminal.Out, d, e.flags.strict)...)
	return errors.Join(append(errs, e.terminal.Failed)...)
}

// toStdout reports whether a machine's report goes where people's would.
func (e *execution) toStdout() bool { return e.flags.outputs.IsStdout() }
