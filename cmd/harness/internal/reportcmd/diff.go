package reportcmd

import (
	"github.com/spf13/cobra"

	"github.com/sockharness/harness/cmd/harness/internal/cli"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/report"
)

// diffFlags are what the user asked `harness report diff` for.
type diffFlags struct {
	json    bool
	strict  bool
	quiet   bool
	verbose bool
	noColor bool
}

func newDiff() *cobra.Command {
	f := &diffFlags{}
	cmd := &cobra.Command{
		Use:   "diff OLD NEW",
		Short: "Compare two results: new, regressed, ongoing, resolved, vanished",
		Long: `Compare two results. new: red, and not in OLD. regressed: red, and green in OLD.
ongoing: red in both. resolved: green, and red in OLD. vanished: in OLD only.

Exit status: 0 nothing new and nothing regressed, 1 something is, 2 usage or a
file that is not a result, 3 NEW has problems of the harness or invalid results.`,
		Example: `  harness report diff yesterday.json today.json
  harness report diff main.json branch.html --json`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error { return runDiff(cmd, f, args) },
	}
	flags := cmd.Flags()
	flags.BoolVar(&f.json, "json", false, "print the differences as JSON")
	flags.BoolVar(&f.strict, "strict", false, "a failure at level should is red too")
	flags.BoolVarP(&f.quiet, "quiet", "q", false, "only what is new or regressed, and the counts")
	flags.BoolVarP(&f.verbose, "verbose", "v", false, "every change by name")
	flags.BoolVar(&f.noColor, "no-color", false, "no colours (also with NO_COLOR set, and in a pipe)")
	return cmd
}

func runDiff(cmd *cobra.Command, f *diffFlags, args []string) error {
	documents := make([]outcome.Run, 2)
	for i, file := range args {
		d, err := report.ReadFile(file)
		if err != nil {
			return cli.UsageErrorf("%s: %w", file, err)
		}
		documents[i] = d
	}
	d := documents[1].CompareWith(args[0], documents[0], f.strict)
	terminal := cli.NewTerminal(cmd, f.noColor)
	var err error
	if f.json {
		err = report.WriteComparison(terminal.Out, *d.Baseline)
	} else {
		err = report.WriteDiff(terminal.Out, d, report.Options{Verbose: f.verbose, Quiet: f.quiet, Color: terminal.Color, Width: terminal.Width()})
	}
	switch counts := d.Baseline.Counts; {
	case err != nil:
		return cli.HarnessErrorf("%w", err)
	case len(d.Problems) > 0 || d.Summary[outcome.Invalid] > 0:
		return cli.ExitError{Code: outcome.ExitHarness}
	case counts[outcome.New]+counts[outcome.Regressed] > 0:
		return cli.ExitError{Code: outcome.ExitVerdicts}
	}
	return nil
}
