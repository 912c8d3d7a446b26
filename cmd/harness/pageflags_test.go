package main

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Every flag that a page names is a flag of some verb.
func TestPagesNameFlagsThatExist(t *testing.T) {
	known := map[string]bool{"help": true}
	addFlags(newRoot(), known)
	others := regexp.MustCompile("(?s)```yaml.*?```|'[^'\n]*'") // commands of other programs
	flag := regexp.MustCompile("(?:^|[ `(])--([a-z][a-z-]+)")
	for _, page := range pages(t) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range flag.FindAllSubmatch(others.ReplaceAll(text, nil), -1) {
			if !known[string(m[1])] {
				t.Errorf("%s names --%s, which no verb has", page, m[1])
			}
		}
	}
}

func addFlags(cmd *cobra.Command, known map[string]bool) {
	cmd.Flags().VisitAll(func(f *pflag.Flag) { known[f.Name] = true })
	for _, sub := range cmd.Commands() {
		addFlags(sub, known)
	}
}

// pages returns the pages that explain the command.
func pages(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, pattern := range []string{"../../README.md", "../../harness/*/*.md", "../../scenarios/WRITING.md"} {
		some, err := filepath.Glob(pattern)
		if err != nil || len(some) == 0 {
			t.Fatalf("pages %s: %v, %v", pattern, some, err)
		}
		all = append(all, some...)
	}
	return all
}
