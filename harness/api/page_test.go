package api

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func page(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The page names every metric.
func TestPageNamesTheMetrics(t *testing.T) {
	d, _ := serve(t, Config{ProxyMetrics: true})
	for _, name := range known(t, d) {
		if ours := strings.HasPrefix(name, "harness_") || strings.HasPrefix(name, "toxiproxy_"); ours && !strings.Contains(page(t), "`"+name+"`") {
			t.Errorf("README.md does not name %s", name)
		}
	}
}

// The tests that the page names to prove its rows exist, and each row has one.
func TestPageNamesItsProofs(t *testing.T) {
	var tests strings.Builder
	err := filepath.WalkDir("../..", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, "_test.go") {
			text, err := os.ReadFile(path)
			tests.Write(text)
			return err
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	_, rows, _ := strings.Cut(page(t), "## Same, fixed, new")
	rows, _, _ = strings.Cut(rows, "`harness toxics` lists")
	proof := regexp.MustCompile("`(Test[A-Za-z]+)`")
	count := 0
	for row := range strings.Lines(rows) {
		if !strings.HasPrefix(row, "| ") || strings.HasPrefix(row, "| | Toxiproxy") {
			continue
		}
		if cells := strings.Split(row, "|"); len(cells) != 7 || strings.TrimSpace(cells[4]) == "" {
			t.Errorf("it does not say of which version it is true: %s", row)
		}
		proofs := proof.FindAllStringSubmatch(row, -1)
		if count++; len(proofs) == 0 {
			t.Errorf("no test proves %s", row)
		}
		for _, p := range proofs {
			if !strings.Contains(tests.String(), "\nfunc "+p[1]+"(t *testing.T)") {
				t.Errorf("there is no %s", p[1])
			}
		}
	}
	if count < 40 {
		t.Errorf("the page has %d rows", count)
	}
}
