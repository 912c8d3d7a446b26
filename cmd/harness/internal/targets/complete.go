package targets

import (
	"github.com/spf13/cobra"

	"github.com/sockharness/harness/cmd/harness/internal/cli"
)

// targetNames offers the targets of the configuration that the other flags name.
func (f *Flags) targetNames(*cobra.Command) []string {
	targets, err := f.AllTargets()
	if err != nil {
		return nil
	}
	var all []string
	for _, t := range targets {
		all = append(all, t.Name)
	}
	return all
}

// RegisterCompletions registers what can be suggested for the flags about targets.
func (f *Flags) RegisterCompletions(cmd *cobra.Command) {
	cli.CompleteFlag(cmd, "target", cli.SuggestWords(f.targetNames))
	cli.CompleteFlag(cmd, "test", cobra.FixedCompletions([]string{"server", "client", "both"}, cobra.ShellCompDirectiveNoFileComp))
	cli.CompleteFlag(cmd, "transport", cobra.FixedCompletions(transportNames(), cobra.ShellCompDirectiveNoFileComp))
	yaml := cobra.FixedCompletions([]string{"yaml", "yml"}, cobra.ShellCompDirectiveFilterFileExt)
	cli.CompleteFlag(cmd, "config", yaml)
	cli.CompleteFlag(cmd, "dialogue", yaml)
}
