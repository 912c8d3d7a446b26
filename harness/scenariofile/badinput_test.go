package scenariofile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/sockharness/harness/harness/strictyaml"
)

const soundFile = "scenario: a/b\nsteps:\n  - client: {send: \"a\\n\", expect: \"A\\n\"}\n"

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Texts that are made to take all memory or time are refused, and soon.
func TestTextsMadeToHarm(t *testing.T) {
	var bomb strings.Builder
	bomb.WriteString("scenario: a/b\nwhy: &a0 [x, x, x, x, x, x, x, x]\n")
	for i := range 40 {
		fmt.Fprintf(&bomb, "ref: &a%d [*a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d]\n", i+1, i, i, i, i, i, i, i)
	}
	for name, tt := range map[string]struct{ text, want string }{
		"alias bomb":     {bomb.String(), "anchor &a0 is not supported"},
		"cycle":          {"scenario: a/b\nsteps: &s\n  - repeat: {times: 2, steps: *s}\n", "alias *s is not supported"},
		"merge cycle":    {"&a scenario: a/b\n<<: *a\n", "is not supported"},
		"too large":      {soundFile + strings.Repeat("#", strictyaml.MaxSize), "larger than 16 MiB"},
		"too deep":       {"scenario: a/b\nsteps: " + strings.Repeat("[", 100000), ""},
		"flow too deep":  {"scenario: a/b\nwhy: " + strings.Repeat("{a: ", 1000) + strings.Repeat("}", 1000), ""},
		"NUL":            {"scenario: a/\x00b\n", ""},
		"no UTF-8":       {"scenario: a/b\nwhy: \"\xff\xfe\"\n", ""},
		"UTF-16":         {"\xff\xfes\x00c\x00e\x00n\x00a\x00r\x00i\x00o\x00:\x00 \x00a\x00", ""},
		"long key":       {strings.Repeat("k", 1<<20) + ": 1\n", ""},
		"many errors":    {"scenario: a/b\nsteps:\n" + strings.Repeat("  - client: {exepct: x}\n", 5000), `unknown step "exepct"`},
		"large repeat":   {"scenario: a/b\nsteps:\n  - client: {send: {repeat: {repeat: x, times: 60000000}, times: 60000000}, expect: a}\n", ""},
		"large exponent": {"scenario: a/b\nsteps:\n  - repeat: {times: 1e999999999, steps: []}\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			source := Source{File: "harm.yaml", Text: []byte(tt.text)}
			definitions, err := ParseAll([]Source{source})
			if name == "large repeat" {
				return // it is sound: it fails when it is sent, see below
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %d scenarios and %.300v", len(definitions), err)
			}
			if text := ExplainErrors(err, []Source{source}); len(text) > 10<<20 {
				t.Errorf("%d bytes of explanation", len(text))
			}
		})
	}
}

// What cannot be read is told by name, and nothing waits for a pipe that nobody writes.
func TestFoldersWithOddFiles(t *testing.T) {
	folder := t.TempDir()
	write(t, filepath.Join(folder, "sound.yaml"), soundFile)
	write(t, filepath.Join(folder, "below", ".hidden.yaml"), "scenario: [\n")
	if err := os.Mkdir(filepath.Join(folder, "folder.yaml"), 0o700); err != nil {
		t.Fatal(err)
	}
	makePipe(t, filepath.Join(folder, "pipe.yaml"))
	if runtime.GOOS != "windows" {
		if err := os.Symlink(filepath.Join(folder, "pipe.yaml"), filepath.Join(folder, "link.yaml")); err != nil {
			t.Fatal(err)
		}
	}
	set, err := FindFiles(strings.NewReader(""), folder)
	if err != nil || len(set.Definitions) != 1 {
		t.Errorf("got %d scenarios, %v", len(set.Definitions), err)
	}
	if r, err := LintFiles(strings.NewReader(""), folder); err != nil || r.Files != 1 || len(r.Errors) > 0 {
		t.Errorf("lint: %+v, %v", r, err)
	}
	if err := os.Symlink("nowhere", filepath.Join(folder, "dangling.yaml")); err != nil {
		t.Skip(err)
	}
	if _, err := FindFiles(strings.NewReader(""), folder); err == nil || !strings.Contains(err.Error(), "dangling.yaml: no such file") {
		t.Errorf("a link to nothing: %v", err)
	}
}

// A file that was named must be one of ours.
func TestLintOfNamedFiles(t *testing.T) {
	folder := t.TempDir()
	for name, want := range map[string]string{"services: {}\n": "of no kind that harness knows", strings.Repeat("\x00", 100): "control character", "a: [": "",
		strings.Repeat("\x00", strictyaml.MaxSize+2): "larger than"} {
		path := filepath.Join(folder, "named.yaml")
		write(t, path, name)
		r, err := LintFiles(strings.NewReader(""), path)
		if err != nil || len(r.Errors) != 1 || !strings.Contains(r.Errors.Error(), want) {
			t.Errorf("%.20q: %v, %v", name, r.Errors, err)
		}
	}
	if _, err := LintFiles(strings.NewReader(""), t.TempDir()); !errors.Is(err, ErrNone) {
		t.Errorf("an empty folder: %v", err)
	}
}
