package listcmd

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/sockharness/harness/cmd/harness/internal/cli"
)

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return cli.WriteTable(cmd.OutOrStdout(), func(w io.Writer) error {
				_, err := fmt.Fprintln(w, "harness", cli.Version())
				return err
			})
		},
	}
}
