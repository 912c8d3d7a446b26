package cli

import "github.com/spf13/cobra"

// A Completer is what a shell asks while a word is being typed. Nothing is
// started for it, and errors are no suggestions.
type Completer = cobra.CompletionFunc

// SuggestWords offers words, each of which may have a description after a tab,
// and no files.
func SuggestWords(words func(cmd *cobra.Command) []string) Completer {
	return func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		return words(cmd), cobra.ShellCompDirectiveNoFileComp
	}
}

// FirstArgOnly is c for the first argument and nothing after it.
func FirstArgOnly(c Completer) Completer {
	return func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return c(cmd, args, word)
	}
}

// CompleteFlag panics for a flag that there is not: a mistake of ours.
func CompleteFlag(cmd *cobra.Command, flag string, c Completer) {
	if err := cmd.RegisterFlagCompletionFunc(flag, c); err != nil {
		panic(err)
	}
}

// RequireFlags panics for a flag that there is not: a mistake of ours.
func RequireFlags(cmd *cobra.Command, names ...string) {
	for _, name := range names {
		if err := cmd.MarkFlagRequired(name); err != nil {
			panic(err)
		}
	}
}
