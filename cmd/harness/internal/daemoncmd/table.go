package daemoncmd

import (
	"bytes"
	"io"

	"github.com/spf13/cobra"

	"github.com/sockharness/harness/cmd/harness/internal/cli"
)

// writeTable writes columns: aligned where somebody looks at them, else with one tab
// between, for programs.
func writeTable(cmd *cobra.Command, rows func(io.Writer) error) error {
	if terminal := cli.NewTerminal(cmd, true); terminal.TTY {
		return cli.WriteTable(cmd.OutOrStdout(), rows)
	}
	var text bytes.Buffer
	if err := rows(&text); err != nil {
		return err
	}
	if _, err := cmd.OutOrStdout().Write(text.Bytes()); err != nil {
		return cli.HarnessErrorf("%w", err)
	}
	return nil
}
