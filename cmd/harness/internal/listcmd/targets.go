package listcmd

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sockharness/harness/cmd/harness/internal/cli"
	"github.com/sockharness/harness/cmd/harness/internal/targets"
	"github.com/sockharness/harness/harness/scenario"
)

func newTargets() *cobra.Command {
	f := &targets.Flags{}
	cmd := &cobra.Command{
		Use:   "targets",
		Short: "List the targets that `harness run` would test",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			targets, err := f.AllTargets()
			if err == nil {
				targets, err = f.NarrowTargets(targets)
			}
			if err != nil {
				return err
			}
			return cli.WriteTable(cmd.OutOrStdout(), func(w io.Writer) error {
				for _, t := range targets {
					fmt.Fprintf(w, "%s\ttest %s\tserver: %s\tclient: %s\n", t.Name, t.Test, describePeer(t.Server), describePeer(t.Client))
				}
				return nil
			})
		},
	}
	f.RegisterFlags(cmd.Flags())
	f.RegisterCompletions(cmd)
	return cmd
}

func describePeer(p scenario.Peer) string {
	switch {
	case p.Address != "":
		return p.Address
	case p.Dialogue == nil:
		return strings.Join(p.Command, " ")
	case p.Dialogue.File != "":
		return "dialogue " + p.Dialogue.File
	}
	return "dialogue of flags"
}
