package main

import (
	"github.com/spf13/cobra"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/scenarios"
)

// A completer is what a shell asks while a word is being typed. Nothing is
// started for it, and errors are no suggestions.
type completer = cobra.CompletionFunc

// suggest offers words, each of which may have a description after a tab, and
// no files.
func suggest(words func(cmd *cobra.Command) []string) completer {
	return func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		return words(cmd), cobra.ShellCompDirectiveNoFileComp
	}
}

// first is c for the first argument and nothing after it.
func first(c completer) completer {
	return func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return c(cmd, args, word)
	}
}

// completeFlag panics for a flag that there is not: a mistake of ours.
func completeFlag(cmd *cobra.Command, flag string, c completer) {
	if err := cmd.RegisterFlagCompletionFunc(flag, c); err != nil {
		panic(err)
	}
}

func scenarioIDs(*cobra.Command) []string {
	var ids []string
	for _, t := range scenarios.Topics() {
		for _, s := range t.List() {
			ids = append(ids, s.ID+"\t"+s.Title)
		}
	}
	return ids
}

func toxicNames(*cobra.Command) []string {
	var names []string
	seen := map[string]bool{}
	for _, k := range toxicKinds() {
		if !seen[k.Name] {
			names = append(names, k.Name+"\t"+k.Summary)
		}
		seen[k.Name] = true
	}
	return names
}

func levelNames(*cobra.Command) []string {
	var names []string
	for _, l := range outcome.Levels() {
		names = append(names, string(l))
	}
	return names
}

// targetNames offers the targets of the configuration that the other flags name.
func (f *targetFlags) targetNames(*cobra.Command) []string {
	targets, err := f.all()
	if err != nil {
		return nil
	}
	var all []string
	for _, t := range targets {
		all = append(all, t.Name)
	}
	return all
}

// suites offers the built-in suites besides files: those with a colon are for
// shells that do not break words there.
func suites(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	words := []string{"builtin:\tall built-in suites"}
	for _, t := range scenarios.Topics() {
		words = append(words, "builtin:"+t.Name+"\t"+t.Summary)
	}
	return words, cobra.ShellCompDirectiveDefault
}

// complete registers what can be suggested for the flags about targets.
func (f *targetFlags) complete(cmd *cobra.Command) {
	completeFlag(cmd, "target", suggest(f.targetNames))
	completeFlag(cmd, "test", cobra.FixedCompletions([]string{"server", "client", "both"}, cobra.ShellCompDirectiveNoFileComp))
	yaml := cobra.FixedCompletions([]string{"yaml", "yml"}, cobra.ShellCompDirectiveFilterFileExt)
	completeFlag(cmd, "config", yaml)
	completeFlag(cmd, "dialogue", yaml)
}
