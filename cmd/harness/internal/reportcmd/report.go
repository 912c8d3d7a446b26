// Package reportcmd is `harness report`: it renders results, merges those of shards, and
// compares two. The renderers are in harness/report, merging and comparing in
// harness/outcome.
//
//	root.AddCommand(reportcmd.Commands()...)
package reportcmd

import (
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sockharness/harness/cmd/harness/internal/cli"
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
	to      string
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
harness wrote; a folder stands for the .json files in it; - is standard input. Several
FILEs must be the shards of one run, and are merged.

Exit status: 0 rendered, 2 usage or a FILE that is not a result, 3 the report could not
be written. The verdicts do not change it: see harness report merge.`,
		Example: `  harness report result.json
  harness report result.json --to md -o summary.md
  harness report merge shard-*.json --json all.json --html report.html
  harness report diff yesterday.json today.json`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return renderReport(cmd, f, args) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.to, "to", "text", "`FORMAT`: text, "+strings.Join(formatNames(), ", "))
	flags.StringVarP(&f.output, "output", "o", "-", "write to `FILE` (- for stdout)")
	flags.BoolVar(&f.strict, "strict", false, "show a failure at level should as red")
	flags.BoolVarP(&f.verbose, "verbose", "v", false, "text: show passes and every timeline, too")
	flags.BoolVar(&f.noColor, "no-color", false, "text: no colours (also with NO_COLOR set, and in a pipe)")
	cli.CompleteFlag(cmd, "to", cli.SuggestWords(func(*cobra.Command) []string { return append([]string{"text"}, formatNames()...) }))
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
	if !known && f.to != "text" {
		return cli.UsageErrorf("--to %q: want text, %s", f.to, strings.Join(formatNames(), ", "))
	}
	if err := cli.CheckWritable("output", f.output); err != nil {
		return err
	}
	d, err := readMerged(files)
	if err != nil {
		return err
	}
	terminal := cli.NewTerminal(cmd, f.noColor)
	write := func(w io.Writer) error { return format.Write(w, d, f.strict) }
	if f.to == "text" {
		write = func(w io.Writer) error {
			return report.WriteText(w, d, report.Options{Verbose: f.verbose, Strict: f.strict, Color: terminal.Color && f.output == "-", Width: terminal.Width()})
		}
	}
	if f.output == "-" {
		err = write(terminal.Out)
	} else {
		err = report.WriteFile(f.output, write)
	}
	if err != nil {
		return cli.HarnessErrorf("%w", err)
	}
	return nil
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
