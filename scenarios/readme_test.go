package scenarios_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/scenarios"
)

var update = flag.Bool("update", false, "write README.md anew")

// TestReadme holds README.md to the scenarios and oracles that there are;
// -update writes it.
func TestReadme(t *testing.T) {
	const file = "README.md"
	want := page()
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Error("scenarios/README.md is stale; run: go test ./scenarios -run TestReadme -update")
	}
}

func page() string {
	var b strings.Builder
	b.WriteString(`# Scenarios and oracles

Generated from the code; ` + "`harness scenarios NAME` and `harness oracles NAME`" + ` print the same. A violation at level must turns
a run red, at level should only with ` + "`--strict`" + `; may and info are reported. A variant may have a lower level than its scenario where a
target has not declared what it means to do. [DEFECTS.md](DEFECTS.md) lists the defects of socket programs and the scenarios that show them.

`)
	for _, topic := range scenarios.Topics() {
		fmt.Fprintf(&b, "- [%s](#%s): %s\n", topic.Name, topic.Name, topic.Summary)
	}
	b.WriteString("- [oracles](#oracles): what every scenario is held against\n")
	for _, topic := range scenarios.Topics() {
		fmt.Fprintf(&b, "\n## %s\n", topic.Name)
		for _, s := range topic.List() {
			entry(&b, s.ID, string(s.Level), s.Roles, s.Title, s.Rationale, s.Ref)
		}
	}
	b.WriteString("\n## oracles\n\nRules that need no knowledge of the protocol. A target gives one another level, or switches it off: " +
		"`oracles: { clean-end: must, memory: off }`.\n")
	for _, o := range scenario.DefaultOracles() {
		entry(&b, o.Name, string(o.Level), o.Roles, o.Title, o.Rationale, o.Ref)
	}
	return b.String()
}

func entry(b *strings.Builder, name, level string, roles []scenario.Role, title, rationale, ref string) {
	names := make([]string, len(roles))
	for i, r := range roles {
		names[i] = string(r)
	}
	fmt.Fprintf(b, "\n### %s\n\n**%s.** %s, of a %s.\n\n%s\n\nReference: %s.\n", name, title, level, strings.Join(names, " or a "), rationale, strings.TrimSuffix(ref, "."))
}

// Every scenario and oracle says what it is about, under a name of its own.
func TestEverythingHasAPage(t *testing.T) {
	seen := map[string]bool{}
	check := func(name, title, rationale, ref string) {
		if seen[name] {
			t.Errorf("%s is there twice", name)
		}
		seen[name] = true
		if title == "" || rationale == "" || ref == "" || strings.HasSuffix(title, ".") {
			t.Errorf("%s: title %q, rationale %q, reference %q", name, title, rationale, ref)
		}
	}
	for _, topic := range scenarios.Topics() {
		for _, s := range topic.List() {
			check(s.ID, s.Title, s.Rationale, s.Ref)
			if s.TopicName() != topic.Name {
				t.Errorf("%s is listed under %s", s.ID, topic.Name)
			}
		}
	}
	for _, o := range scenario.DefaultOracles() {
		check(o.Name, o.Title, o.Rationale, o.Ref)
	}
}
