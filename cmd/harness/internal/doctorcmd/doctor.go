// Package doctorcmd is `harness doctor`: it tries what the harness needs of the system,
// and says for each mechanism whether it works exactly, is emulated, or is missing.
//
//	root.AddCommand(doctorcmd.Commands()...)
package doctorcmd

import (
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sockharness/harness/cmd/harness/internal/cli"
	"github.com/sockharness/harness/harness/outcome"
)

// A status says how a mechanism works here.
type status string

// The statuses.
const (
	exact       status = "exact"       // works as described
	emulated    status = "emulated"    // something weaker takes its place, and results say so
	unsupported status = "unsupported" // what needs it cannot be done here
)

// A check is one mechanism, tried.
type check struct {
	Name     string `json:"name"`
	Status   status `json:"status"`
	Use      string `json:"use"`                // what it is for
	Reason   string `json:"reason,omitempty"`   // why it is not exact
	Instead  string `json:"instead,omitempty"`  // what happens without it
	Cure     string `json:"cure,omitempty"`     // what to do
	Required bool   `json:"required,omitempty"` // nothing runs without it
}

// A document is what --json prints.
type document struct {
	Version int     `json:"version"`
	Harness string  `json:"harness"`
	System  string  `json:"system"`
	Checks  []check `json:"checks"`
}

// Commands returns doctor.
func Commands() []*cobra.Command {
	asJSON := false
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Show what works on this machine: exact, emulated or unsupported",
		Long: `Try each mechanism of the system that harness uses. Say for each whether it is exact,
emulated or unsupported here, why, and what to do. Nothing is changed.

Exit status: 0 harness can run here, 3 something that it needs is missing.`,
		Example: `  harness doctor
  harness doctor --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return diagnose(cmd.OutOrStdout(), asJSON) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return []*cobra.Command{cmd}
}

func diagnose(out io.Writer, asJSON bool) error {
	d := document{Version: 1, Harness: cli.Version(), System: systemName(), Checks: allChecks()}
	write := func(w io.Writer) error { return writeText(w, d) }
	if asJSON {
		write = func(w io.Writer) error {
			encoder := json.NewEncoder(w)
			encoder.SetIndent("", "  ")
			encoder.SetEscapeHTML(false)
			return encoder.Encode(d)
		}
	}
	if err := write(out); err != nil {
		return cli.HarnessErrorf("%w", err)
	}
	for _, c := range d.Checks {
		if c.Required && c.Status == unsupported {
			return cli.ExitError{Code: outcome.ExitHarness}
		}
	}
	return nil
}

func systemName() string {
	return strings.TrimSpace(fmt.Sprintf("%s/%s %s, %d CPUs", runtime.GOOS, runtime.GOARCH, kernelRelease(), runtime.NumCPU()))
}

func writeText(w io.Writer, d document) error {
	var b strings.Builder
	fmt.Fprintf(&b, "harness %s on %s\n\n", d.Harness, d.System)
	counts := map[status]int{}
	for _, c := range d.Checks {
		counts[c.Status]++
		fmt.Fprintf(&b, "%-12s %-18s %s\n", c.Status, c.Name, c.Use)
		for _, line := range []struct{ word, text string }{{"why", c.Reason}, {"instead", c.Instead}, {"cure", c.Cure}} {
			if line.text != "" {
				fmt.Fprintf(&b, "%31s %s: %s\n", "", line.word, line.text)
			}
		}
	}
	fmt.Fprintf(&b, "\n%d exact, %d emulated, %d unsupported\n", counts[exact], counts[emulated], counts[unsupported])
	_, err := io.WriteString(w, b.String())
	return err
}

// tried returns the check with the status that err means: exact without one, otherwise
// the given one, with the reason.
func (c check) tried(err error, otherwise status) check {
	if err == nil {
		return check{Name: c.Name, Status: exact, Use: c.Use, Required: c.Required}
	}
	c.Status, c.Reason = otherwise, strings.ReplaceAll(err.Error(), "\n", ": ")
	return c
}
