// Package authorcmd is the verbs for who writes files for the harness: lint, init, schema
// and the page on scenario files.
//
//	root.AddCommand(authorcmd.Commands()...)
package authorcmd

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sockharness/harness/cmd/harness/internal/cli"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/scenariofile"
	"github.com/sockharness/harness/harness/strictyaml"
	"github.com/sockharness/harness/scenarios"
)

// Commands returns the verbs that write and check files.
func Commands() []*cobra.Command {
	return []*cobra.Command{newInit(), newLint(), newSchema(), newMutate(), newMutant(), newWriting()}
}

// newWriting is a page of `harness help`, and no verb.
func newWriting() *cobra.Command {
	return &cobra.Command{
		Use:   "scenario-files",
		Short: "How to write scenarios of your own, in twelve examples",
		Long:  scenarios.Writing(),
	}
}

func newLint() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "lint [PATH…]",
		Short: "Check harness.yaml, dialogues, waivers and scenario files without running them",
		Long: `Check the files at each PATH: a file, a folder with its subfolders, or - for
standard input. Without PATH: the working directory.

Exit status: 0 no errors (there may be warnings), 2 errors, 4 no file was found.`,
		Example: `  harness lint
  harness lint my-scenarios/ harness.yaml --json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				args = []string{"."}
			}
			report, err := scenariofile.LintFiles(cmd.InOrStdin(), args...)
			if errors.Is(err, scenariofile.ErrNone) {
				return cli.ExitError{Code: outcome.ExitNothing, Err: err}
			}
			if err := writeReport(cmd.OutOrStdout(), report, asJSON); err != nil {
				return cli.HarnessErrorf("%w", err)
			}
			if len(report.Errors) > 0 {
				return cli.ExitError{Code: outcome.ExitUsage}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "write the findings as JSON")
	return cmd
}

// A finding is an error or a warning, as JSON.
type finding struct {
	Severity string `json:"severity"`
	File     string `json:"file"`
	Line     int    `json:"line"`
	Column   int    `json:"column"`
	Message  string `json:"message"`
	Hint     string `json:"hint,omitempty"`
}

func findingsOf(severity string, all strictyaml.Errors) []finding {
	findings := []finding{}
	for _, e := range all {
		findings = append(findings, finding{severity, e.File, e.Line, e.Column, e.Message, e.Hint})
	}
	return findings
}

func writeReport(out io.Writer, r scenariofile.Report, asJSON bool) error {
	if asJSON {
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(map[string]any{"files": r.Files,
			"findings": append(findingsOf("error", r.Errors), findingsOf("warning", r.Warnings)...)})
	}
	var text strings.Builder
	for _, e := range r.Errors {
		text.WriteString(scenariofile.ExplainErrors(e, r.Sources) + "\n")
	}
	for _, e := range r.Warnings {
		text.WriteString("warning: " + scenariofile.ExplainErrors(e, r.Sources) + "\n")
	}
	_, err := fmt.Fprintf(out, "%s%s: %s, %s\n", text.String(),
		plural.Count(r.Files, "file"), plural.Count(len(r.Errors), "error"), plural.Count(len(r.Warnings), "warning"))
	return err
}
