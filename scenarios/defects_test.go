package scenarios_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/scenarios"
)

const defectsPage = "DEFECTS.md"

// TestDefects holds DEFECTS.md to defects.txt, to the scenarios that there are and to the
// fixtures that they turn red; -update writes it.
func TestDefects(t *testing.T) {
	want := defectsText(t)
	if *update {
		if err := os.WriteFile(defectsPage, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(defectsPage)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is stale; run: go test ./scenarios -run TestDefects -update", defectsPage)
	}
}

func defectsText(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("defects.txt")
	if err != nil {
		t.Fatal(err)
	}
	known, red, listed := knownNames(), fixturesByScenario(t), map[string]bool{}
	var b strings.Builder
	b.WriteString("# Defects and the scenarios that show them\n\nGenerated from `defects.txt` and from the `planted` keys of `fixtures/harness.yaml` and `fixtures/tls/harness.yaml`.\n" +
		"`make zoo` proves that the fixtures turn red. Their table is in [fixtures/README.md](../fixtures/README.md).\n")
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if title, is := strings.CutPrefix(line, "= "); is {
			fmt.Fprintf(&b, "\n## %s\n\n| defect | what goes wrong | shown by | broken fixtures that these turn red |\n|---|---|---|---|\n", title)
			continue
		}
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		row := strings.SplitN(line, " | ", 3)
		if len(row) != 3 || listed[row[0]] {
			t.Fatalf("defects.txt: %q: want a new name, what goes wrong and scenarios, with | between", line)
		}
		listed[row[0]] = true
		b.WriteString(defectRow(t, row, known, red))
	}
	for _, name := range referredDefects() {
		if !listed[name] {
			t.Errorf("defects.txt has no row for %s, to which a scenario refers", name)
		}
	}
	return b.String()
}

func defectRow(t *testing.T, row []string, known map[string]bool, red map[string][]string) string {
	t.Helper()
	if why, is := strings.CutPrefix(row[2], "none: "); is {
		return fmt.Sprintf("| %s | %s | no scenario: %s | |\n", row[0], row[1], why)
	}
	var shown, fixtures []string
	for _, name := range strings.Fields(row[2]) {
		if !known[name] {
			t.Errorf("defects.txt: %s: there is no scenario or oracle %q", row[0], name)
		}
		label := strings.TrimPrefix(name, "check:")
		shown = append(shown, fmt.Sprintf("[%s](README.md#%s)", label, strings.ReplaceAll(label, "/", "")))
		fixtures = append(fixtures, red[name]...)
	}
	return fmt.Sprintf("| %s | %s | %s | %s |\n", row[0], row[1], strings.Join(shown, ", "), strings.Join(fixtures, ", "))
}

// knownNames are the scenarios, and the oracles as check:NAME.
func knownNames() map[string]bool {
	known := map[string]bool{}
	for _, topic := range scenarios.Topics() {
		for _, s := range topic.List() {
			known[s.ID] = true
		}
	}
	for _, o := range scenario.DefaultOracles() {
		known["check:"+o.Name] = true
	}
	return known
}

// referredDefects are the names of defects in the references of scenarios.
func referredDefects() []string {
	catalogue := regexp.MustCompile(`catalogue: ([a-z0-9, -]+)`)
	var names []string
	for _, topic := range scenarios.Topics() {
		for _, s := range topic.List() {
			for _, m := range catalogue.FindAllStringSubmatch(s.Ref, -1) {
				names = append(names, strings.Split(m[1], ", ")...)
			}
		}
	}
	return names
}

var plantedKey = regexp.MustCompile(`(?m)^  - name: (\S+)|^    planted: (\S+)`)

// fixturesByScenario are the broken programs that a scenario has to find.
func fixturesByScenario(t *testing.T) map[string][]string {
	t.Helper()
	var text []byte
	for _, file := range []string{"../fixtures/harness.yaml", "../fixtures/tls/harness.yaml"} {
		one, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text = append(text, one...)
	}
	red, name := map[string][]string{}, ""
	for _, m := range plantedKey.FindAllStringSubmatch(string(text), -1) {
		if m[1] != "" {
			name = m[1]
		} else {
			red[m[2]] = append(red[m[2]], name)
		}
	}
	return red
}
