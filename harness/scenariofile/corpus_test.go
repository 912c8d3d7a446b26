package scenariofile

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the texts of the errors")

const corpus = "../../fixtures/files"

func files(t testing.TB, pattern string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(corpus, pattern))
	if err != nil || len(found) == 0 {
		t.Fatalf("no file %s: %v", pattern, err)
	}
	return found
}

// parse reads one file of the corpus, under its bare name.
func parse(t testing.TB, path string) ([]*Definition, string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	source := Source{File: filepath.Base(path), Text: text}
	definitions, err := ParseAll([]Source{source})
	if err == nil {
		return definitions, ""
	}
	return nil, ExplainErrors(err, []Source{source}) + "\n"
}

func TestValidFiles(t *testing.T) {
	for _, path := range append(files(t, "passing/*.yaml"), files(t, "failing/*.yaml")...) {
		definitions, problems := parse(t, path)
		if problems != "" {
			t.Errorf("%s: %s", path, problems)
		}
		for _, d := range definitions {
			if len(d.Warnings) > 0 {
				t.Errorf("%s: warnings %v", path, d.Warnings)
			}
		}
	}
}

func TestInvalidFiles(t *testing.T) {
	for _, path := range files(t, "invalid/*.yaml") {
		_, got := parse(t, path)
		if got == "" {
			t.Errorf("%s was taken", path)
			continue
		}
		beside := strings.TrimSuffix(path, ".yaml") + ".txt"
		if *update {
			if err := os.WriteFile(beside, []byte(got), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(beside)
		if diff := cmp.Diff(string(want), got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got)\n%s", path, err, diff)
		}
	}
}

// FuzzParse looks for texts on which the reader panics or does not end.
func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"passing/*.yaml", "failing/*.yaml", "invalid/*.yaml"} {
		for _, path := range files(f, pattern) {
			text, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(text)
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		source := Source{File: "fuzz.yaml", Text: text}
		definitions, err := ParseAll([]Source{source})
		if err != nil && ExplainErrors(err, []Source{source}) == "" {
			t.Error("an error without a text")
		}
		for _, d := range definitions {
			if err == nil && d.CompileScenario().ID == "" {
				t.Error("a scenario without a name")
			}
		}
	})
}
