package transport

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sockharness/harness/cmd/harness/internal/cli"
	"github.com/sockharness/harness/harness/datagram"
	"github.com/sockharness/harness/toxics"
	"github.com/sockharness/harness/toxics/spec"
)

// CompleteToxic completes a toxic on one line: its type, then the names of what
// may be said of it, and the values where they can be listed.
func CompleteToxic(cmd *cobra.Command, args []string, line string) ([]string, cobra.ShellCompDirective) {
	kind, _, typed := strings.Cut(line, " ")
	if !typed {
		return cli.SuggestWords(ToxicNames)(cmd, args, line)
	}
	start := strings.LastIndexByte(line, ' ') + 1
	words, directive := CompleteAttributes(kind, line[start:])
	switch key, _, valued := strings.Cut(line[start:], "="); {
	case !valued:
		words = append(words, "direction=", "toxicity=", "connections=", "seed=")
		for _, field := range spec.TriggerFields() {
			words = append(words, "at."+field+"=")
		}
	case key == "direction":
		words = []string{"direction=upstream", "direction=downstream"}
	case key == "at.event":
		words = nil
		for _, name := range spec.TriggerEvents() {
			words = append(words, "at.event="+name)
		}
	}
	for i := range words {
		words[i] = line[:start] + words[i]
	}
	return words, directive
}

// ToxicNames are the names of all toxics, for completion.
func ToxicNames(*cobra.Command) []string {
	var names []string
	seen := map[string]bool{}
	for _, k := range ToxicKinds() {
		if !seen[k.Name] {
			names = append(names, k.Name+"\t"+k.Summary)
		}
		seen[k.Name] = true
	}
	return names
}

// ToxicKinds returns the kinds of both catalogues. Some names are in both.
func ToxicKinds() []spec.Kind { return slices.Concat(toxics.Catalogue(), datagram.Catalogue()) }

// IsText reports whether there is a toxic with an attribute of that name that is text.
func IsText(attribute string) bool {
	return slices.ContainsFunc(ToxicKinds(), func(k spec.Kind) bool {
		return slices.ContainsFunc(k.Attributes, func(a spec.Attribute) bool { return a.Name == attribute && a.Kind == spec.Text })
	})
}

// CompleteAttributes offers the attributes of a type, or of all for "", and the
// values of one that has only a few.
func CompleteAttributes(kind, word string) ([]string, cobra.ShellCompDirective) {
	given, _, valued := strings.Cut(word, "=")
	var words []string
	for _, k := range ToxicKinds() {
		if kind != "" && kind != k.Name {
			continue
		}
		for _, a := range k.Attributes {
			known := slices.ContainsFunc(words, func(w string) bool { return strings.HasPrefix(w, a.Name+"=") })
			switch {
			case known: // a type of the same name, for datagrams
			case !valued:
				words = append(words, a.Name+"=\t"+a.Summary)
			case a.Name == given:
				words = append(words, attributeValues(a)...)
			}
		}
	}
	if valued {
		return words, cobra.ShellCompDirectiveNoFileComp
	}
	return words, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

// attributeValues returns what an attribute may be set to, where that can be listed.
func attributeValues(a spec.Attribute) (words []string) {
	choices := a.Choices
	if a.Kind == spec.Bool {
		choices = []string{"true", "false"}
	}
	for _, c := range choices {
		words = append(words, a.Name+"="+c)
	}
	return words
}
