package listcmd

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sockharness/harness/cmd/harness/internal/cli"
	"github.com/sockharness/harness/harness/scenario"
)

func newOracles() *cobra.Command {
	return &cobra.Command{
		Use:   "oracles [NAME]",
		Short: "List the oracles, or show one with its reasons",
		Long: `List the oracles: rules that are checked after every scenario, in addition to its own
expectations. A target can change the level of an oracle or switch it off:

  oracles: { clean-end: must, memory: off }`,
		Args: cobra.MaximumNArgs(1),

		ValidArgsFunction: cli.FirstArgOnly(cli.SuggestWords(oracleNames)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return cli.WriteTable(cmd.OutOrStdout(), func(w io.Writer) error {
				if len(args) == 1 {
					return oraclePage(w, args[0])
				}
				for _, o := range scenario.DefaultOracles() {
					fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", o.Name, o.Level, roleNames(o.Roles), o.Title)
				}
				return nil
			})
		},
	}
}

func oracleNames(*cobra.Command) []string {
	var names []string
	for _, o := range scenario.DefaultOracles() {
		names = append(names, o.Name)
	}
	return names
}

func oraclePage(w io.Writer, name string) error {
	o, ok := scenario.FindOracle(name)
	if !ok {
		return cli.UsageErrorf("no oracle %q; there are: %s", name, strings.Join(oracleNames(nil), ", "))
	}
	_, err := fmt.Fprintf(w, "%s (%s, of a %s)\n\n%s.\n\n%s\n\nReference: %s\n", o.Name, o.Level, roleNames(o.Roles), o.Title, o.Rationale, o.Ref)
	return err
}
