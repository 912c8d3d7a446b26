// Package reportcmd is `harness report`: it renders results, merges those of shards, and
// compares two. The renderers are in harness/report, merging and comparing in
// harness/outcome.
//
//	root.AddCommand(reportcmd.Commands()...)
package reportcmd

import (
	"errors"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sockharness/harness/cmd/harness/internal/cli"
	"github.com/sockharness/harness/cmd/harness/internal/outputs"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/report"
)

// Commands returns report with merge and diff.
func Commands() []*cobra.Command {
	root := newReport()
	root.AddCommand(newMerge(), newDiff())
	return []*cobra.Command{root}
}

// renderFlags are what the user asked `harness report` for.
type renderFlags struct {
	outputs outputs.Flags
	to      string // a format's name; the older spelling of the outputs
	output  string
	strict  bool
	verbose bool
	noColor bool
}

func newReport() *cobra.Command {
	f := &renderFlags{}
	cmd := &cobra.Command{
		Use:   "report FILE…",
		Short: "Render, merge and compare results",
		Long: `Render results as text or in another format. A FILE is the JSON or the HTML that
harness wrote; a folder means the .json files in it; - is standard input. Several
FILEs must be the shards of one run, and are merged.

Without a flag the text goes to stdout. Each format has a flag of its name, as in
harness run: --md FILE writes the Markdown summary, - is stdout.

Exit status: 0 rendered, 2 usage or a FILE that is not a result, 3 the report could not
be written. The verdicts do not change it: see harness report merge.`,
		Example: `  harness report result.json
  harness report result.json --md summary.md --html report.html
  harness report merge shard-*.json --json all.json --html report.html
  harness report diff yesterday.json today.json`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return renderReport(cmd, f, args) },
	}
	flags := cmd.Flags()
	f.outputs.RegisterFlags(flags)
	flags.StringVar(&f.to, "to", "", "`FORMAT`: text, "+strings.Join(formatNames(), ", "))
	flags.StringVarP(&f.output, "output", "o", "-", "write what --to says to `FILE` (- for stdout)")
	for _, older := range []string{"to", "output"} {
		_ = flags.MarkHidden(older) // an error means that there is no such flag
	}
	flags.BoolVar(&f.strict, "strict", false, "show a failure at level should as red")
	flags.BoolVarP(&f.verbose, "verbose", "v", false, "text: show passes and every timeline, too")
	flags.BoolVar(&f.noColor, "no-color", false, "text: no colours (also with NO_COLOR set, and in a pipe)")
	return cmd
}

func formatNames() []string {
	var names []string
	for _, f := range report.Formats() {
		names = append(names, f.Name)
	}
	return names
}

func renderReport(cmd *cobra.Command, f *renderFlags, files []string) error {
	format, known := report.FindFormat(f.to)
	if !known && f.to != "" && f.to != "text" {
		return cli.UsageErrorf("--to %q: want text, %s", f.to, strings.Join(formatNames(), ", "))
	}
	if err := errors.Join(cli.CheckWritable("output", f.output), f.outputs.CheckPaths()); err != nil {
		return err
	}
	d, err := readMerged(files)
	if err != nil {
		return err
	}
	terminal := cli.NewTerminal(cmd, f.noColor)
	var errs []error
	switch {
	case known:
		errs = append(errs, writeTo(terminal.Out, f.output, func(w io.Writer) error { return format.Write(w, d, f.strict) }))
	case f.to == "text" || !f.outputs.Given():
		options := report.Options{Verbose: f.verbose, Strict: f.strict, Color: terminal.Color && f.output == "-", Width: terminal.Width()}
		errs = append(errs, writeTo(terminal.Out, f.output, func(w io.Writer) error { return report.WriteText(w, d, options) }))
	}
	if err := errors.Join(append(errs, f.outputs.WriteAll(terminal.Out, d, f.strict)...)...); err != nil {
		return cli.HarnessErrorf("%w", err)
	}
	return nil
}

// writeTo writes to a file, or to stdout.
func writeTo(stdout io.Writer, path string, write func(io.Writer) error) error {
	if path == "-" {
		return write(stdout)
	}
	return report.WriteFile(path, write)
}

// readMerged reads one document, or the shards of one run.
func readMerged(args []string) (outcome.Run, error) {
	documents, err := readDocuments(args)
	if err != nil {
		return outcome.Run{}, err
	}
	if len(documents) == 1 {
		return documents[0].Run, nil
	}
	d, _, err := mergeDocuments(documents)
	return d, err
}
