package waiver

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sockharness/harness/harness/strictyaml"
)

// file parses a text that must be good.
func file(t *testing.T, text string) File {
	t.Helper()
	f, err := ParseText("w.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestParse(t *testing.T) {
	f := file(t, `version: 1
waivers:
  - scenario: eof/*
    target: "line/*"
    variant: byte=1?
    check: descriptors
    reason: known
    issue: https://example.test/12
    expires: 2027-01-31
  - {scenario: a/b, target: kv, reason: "it is so"}
`)
	want := Waiver{Scenario: "eof/*", Target: "line/*", Variant: "byte=1?", Check: "descriptors", Reason: "known",
		Issue: "https://example.test/12", Expires: "2027-01-31", Line: 3, column: 5}
	if len(f.Waivers) != 2 || f.Waivers[0] != want || f.Waivers[1].Reason != "it is so" || f.Waivers[1].Line != 10 {
		t.Errorf("got %+v", f.Waivers)
	}
	if len(file(t, "version: 1\nwaivers: []\n").Waivers) != 0 {
		t.Error("an empty list is not empty")
	}
}

func TestParseFindsAllAtOnce(t *testing.T) {
	_, err := ParseText("w.yaml", []byte(`version: 2
waivers:
  - scenario: a/b
    target: "[kv"
    reson: x
    reason: "  "
    expires: 2027-02-30
  - scenario: a/b
    target: kv
    reason: x
  - {scenario: a/b, target: kv, reason: y}
  - {scenario: 3, target: kv, reason: }
`))
	want := `w.yaml:1:10: 2 is out of range, want 1 to 1
w.yaml:4:13: "[kv" is not a pattern, * and ? are wildcards; \ makes the next character literal
w.yaml:5:5: unknown key "reson", did you mean "reason"?
w.yaml:6:13: the reason is empty, say why this failure is accepted, or delete the entry
w.yaml:7:14: "2027-02-30" is not a date, write it as 2027-01-31
w.yaml:11:5: this waiver is given twice, first in line 8; delete one
w.yaml:12:16: want a string, found a number "3", write it in quotes: "3"
w.yaml:12:39: the reason is missing, say why this failure is accepted, or delete the entry`
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	if _, err := LoadFile(filepath.Join(dir, "none.yaml")); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "--update-waivers") {
		t.Errorf("got %v for a file that is not there", err)
	}
	var errs strictyaml.Errors
	if _, err := LoadFile(dir); !errors.As(err, &errs) {
		t.Errorf("got %v for a folder", err)
	}
}

func TestPattern(t *testing.T) {
	for _, tt := range []struct {
		pattern Pattern
		name    string
		want    bool
	}{
		{"", "anything", true}, {"*", "a/b/c", true}, {"eof/*", "eof/in-body", true}, {"eof/*", "reset/idle", false},
		{"eof/in-body", "eof/in-body", true}, {"eof", "eof/in-body", false}, {"byte=?", "byte=12", false}, {"byte=1[23]", "byte=12", true},
	} {
		if got := tt.pattern.matchName(tt.name); got != tt.want {
			t.Errorf("%q on %q: got %v", tt.pattern, tt.name, got)
		}
	}
	for _, name := range []string{"a*b", "[x]?", `a\b`, "plain/name"} {
		if p := literalPattern(name); !p.matchName(name) || p.matchName(name+"x") || p.checkSyntax() != nil {
			t.Errorf("%q does not match %q alone", p, name)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"", "version: 1\nwaivers: []\n", "version: 1\nwaivers:\n- scenario: '*'\n  target: \"*\"\n  reason: x\n",
		"waivers: [{scenario: a, target: b, reason: c, expires: 2026-01-01}]", "version: 1\nwaivers:\n  -\n    # c\n    {scenario: a/b, target: kv, reason: |\n      x\n}\n",
		"version: 1\r\nwaivers:\r\n  - scenario: a/b\r\n    target: kv\r\n    reason: >-\r\n      long\r\n"} {
		f.Add([]byte(s))
	}
	d, scope := aRun()
	f.Fuzz(func(t *testing.T, data []byte) {
		w, err := ParseText("w.yaml", data)
		if err != nil {
			_ = err.Error()
			return
		}
		w.ApplyTo(d, scope)
		next, changes, err := w.UpdateWith(d, scope, true)
		if err != nil {
			return // the layout cannot be edited: nothing was
		}
		if len(next.Waivers) != len(w.Waivers)-len(changes.Dropped) {
			t.Fatalf("%d waivers, %d dropped, %d left", len(w.Waivers), len(changes.Dropped), len(next.Waivers))
		}
		if changes.IsEmpty() && string(next.RawText()) != string(data) {
			t.Fatal("no change, and another text")
		}
	})
}
