package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/sockharness/harness/toxics"
)

// suggestToxic completes a toxic on one line: its type, then the names of what
// may be said of it, and the values where they can be listed.
func suggestToxic(cmd *cobra.Command, args []string, line string) ([]string, cobra.ShellCompDirective) {
	kind, _, typed := strings.Cut(line, " ")
	if !typed {
		return suggest(toxicNames)(cmd, args, line)
	}
	start := strings.LastIndexByte(line, ' ') + 1
	f := &toxicFlags{kind: kind}
	words, directive := f.suggestAttributes(cmd, args, line[start:])
	switch key, _, valued := strings.Cut(line[start:], "="); {
	case !valued:
		words = append(words, "direction=", "toxicity=", "connections=", "seed=")
		for _, field := range toxics.TriggerFields() {
			words = append(words, "at."+field+"=")
		}
	case key == "direction":
		words = []string{"direction=upstream", "direction=downstream"}
	case key == "at.event":
		words = nil
		for _, name := range toxics.TriggerEvents() {
			words = append(words, "at.event="+name)
		}
	}
	for i := range words {
		words[i] = line[:start] + words[i]
	}
	return words, directive
}
