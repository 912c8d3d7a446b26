package reportcmd

import (
	"errors"
	"io"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/sockharness/harness/cmd/harness/internal/cli"
	"github.com/sockharness/harness/cmd/harness/internal/outputs"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/report"
)

// mergeFlags are what the user asked `harness report merge` for.
type mergeFlags struct {
	outputs        outputs.Flags
	baseline       string
	updateBaseline bool
	strict         bool
	quiet          bool
	verbose        bool
	noColor        bool
}

func newMerge() *cobra.Command {
	f := &mergeFlags{}
	cmd := &cobra.Command{
		Use:   "merge FILE…",
		Short: "Merge the results of a run's shards",
		Long: `Merge the results of harness run --shard, or of harness explore --shard, and judge
them as one. A FILE is JSON or HTML; a folder means the .json files in it.

A missing shard makes the merge fail with status 3. Of a shard that is given twice,
the later one counts. Shards of different seeds, selections or runs are refused.

Exit status: 0 all passed, 1 a failure, 2 wrong usage or files of different runs,
3 a shard is missing, the harness failed or a result is invalid, 4 no scenario
ran, 130 a shard was interrupted.`,
		Example: `  harness report merge shard-*.json --json all.json --html report.html
  harness report merge results/ --baseline main.json`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return runMerge(cmd, f, args) },
	}
	flags := cmd.Flags()
	f.outputs.RegisterFlags(flags)
	flags.StringVar(&f.baseline, "baseline", "", "earlier result `FILE` to compare with: only new and regressed failures are red")
	flags.BoolVar(&f.updateBaseline, "update-baseline", false, "write this result to the --baseline file, so that later runs are compared with it")
	flags.BoolVar(&f.strict, "strict", false, "a failure at level should is red too")
	flags.BoolVarP(&f.quiet, "quiet", "q", false, "only failures and the summary")
	flags.BoolVarP(&f.verbose, "verbose", "v", false, "also passes, and what is unsupported, one by one")
	flags.BoolVar(&f.noColor, "no-color", false, "no colours (also with NO_COLOR set, and in a pipe)")
	return cmd
}

func runMerge(cmd *cobra.Command, f *mergeFlags, args []string) error {
	if f.updateBaseline && f.baseline == "" {
		return cli.UsageErrorf("--update-baseline: say which file with --baseline FILE")
	}
	if err := f.outputs.CheckPaths(); err != nil {
		return err
	}
	documents, err := readDocuments(args)
	if err != nil {
		return err
	}
	d, exploration, err := mergeDocuments(documents)
	if err != nil {
		return err
	}
	d, err = f.compare(d)
	if err != nil {
		return err
	}
	if exploration != nil {
		exploration.Run = d
		f.outputs.WriteJSON = exploration.Write
	}
	terminal := cli.NewTerminal(cmd, f.noColor)
	var errs []error
	if !f.outputs.IsStdout() {
		errs = append(errs, report.WriteText(terminal.Out, d, report.Options{Verbose: f.verbose, Quiet: f.quiet, Strict: f.strict,
			Color: terminal.Color, Width: terminal.Width()}))
	}
	if err := errors.Join(append(errs, f.outputs.WriteAll(terminal.Out, d, f.strict)...)...); err != nil {
		return cli.HarnessErrorf("%w", err)
	}
	if code := d.ExitCode(f.strict); code != outcome.ExitOK {
		return cli.ExitError{Code: code}
	}
	return nil
}

// compare holds the merged document against the baseline, if there is one.
func (f *mergeFlags) compare(d outcome.Run) (outcome.Run, error) {
	if f.baseline == "" {
		return d, nil
	}
	old, err := report.ReadFile(f.baseline)
	if err != nil && !(f.updateBaseline && errors.Is(err, fs.ErrNotExist)) {
		return d, cli.UsageErrorf("--baseline %s: %w", f.baseline, err)
	}
	if !f.updateBaseline || len(d.Problems) > 0 || d.Stopped != "" {
		return d.CompareWith(f.baseline, old, f.strict), nil
	}
	err = report.WriteFile(f.baseline, func(w io.Writer) error { return report.WriteJSON(w, d.AsBaseline()) })
	if err != nil {
		return d, cli.HarnessErrorf("%w", err)
	}
	return d.CompareWith(f.baseline, d, f.strict), nil
}
