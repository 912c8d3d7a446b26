package main

import (
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Each verb says which of its flags was meant. Two letters of it are swapped, or there is one too many.
func TestEachVerbSuggestsTheFlag(t *testing.T) {
	verbs := 0
	eachVerb(newRoot(), func(path []string, verb *cobra.Command) {
		name := longestFlag(verb)
		if name == "" {
			return
		}
		verbs++
		swapped := name[:1] + name[2:3] + name[1:2] + name[3:]
		for _, typed := range []string{"--" + swapped, "--" + name + "x"} {
			if typed == "--"+name {
				continue // its second and third letter are the same
			}
			root := newRoot()
			root.SetOut(io.Discard)
			root.SetErr(io.Discard)
			root.SetArgs(append(slices.Clone(path), typed))
			err := root.Execute()
			if want := "unknown flag: " + typed + "; did you mean --" + name + "?"; err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s %s: got %v, want %s", strings.Join(path, " "), typed, err, want)
			}
		}
	})
	if verbs < 25 {
		t.Errorf("got %d verbs with flags, want all of them", verbs)
	}
}

// eachVerb calls visit with each command below root that runs, and the words for it.
func eachVerb(root *cobra.Command, visit func(path []string, verb *cobra.Command)) {
	for _, c := range root.Commands() {
		if c.Runnable() && !c.DisableFlagParsing {
			visit(strings.Fields(c.CommandPath())[1:], c)
		}
		eachVerb(c, visit)
	}
}

// longestFlag returns the longest name of a flag of the verb, which resembles no other.
func longestFlag(verb *cobra.Command) (longest string) {
	verb.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden && len(f.Name) > max(4, len(longest)) {
			longest = f.Name
		}
	})
	return longest
}
