package waiver

import (
	"strings"
	"testing"

	"github.com/sockharness/harness/harness/outcome"
)

const kept = `# ours, for ever
version: 1

waivers:
  # of the sweep
  - scenario: a/sweep   # the only one
    target: kv
    reason: >-
      it reads
      once

  # expired, and nobody has decided
  - scenario: a/flaky
    target: kv
    reason: known
    expires: 2026-01-01
`

const fresh = `  - scenario: a/leak
    target: kv
    check: descriptors
    # got less
    reason: "" # say why this failure is accepted; the file is invalid without a reason
`

func TestUpdate(t *testing.T) {
	dropped := "  # passes now\n  - target: kv\n    scenario: a/pass\n    reason: |\n      was so\n\n"
	text := strings.Replace(kept, "  # expired", dropped+"  # expired", 1)
	for _, end := range []string{"\n", "\r\n"} {
		crlf := func(s string) string { return strings.ReplaceAll(s, "\n", end) }
		f := file(t, crlf(text))
		d, scope := aRun()
		next, changes, err := f.UpdateWith(d, scope, false)
		if err != nil {
			t.Fatal(err)
		}
		want := crlf(strings.Replace(kept, "once\n\n", "once\n\n\n", 1) + fresh)
		if got := string(next.RawText()); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
		if len(changes.Added) != 1 || len(changes.Dropped) != 1 || len(next.Waivers) != 2 {
			t.Errorf("got %+v, %d waivers", changes, len(next.Waivers))
		}
		if _, err := ParseText("w.yaml", next.RawText()); err == nil || !strings.Contains(err.Error(), "the reason is empty, say why") {
			t.Errorf("got %v, want the new entry to be refused", err)
		}
		filled := strings.Replace(string(next.RawText()), `reason: ""`, "reason: yes", 1)
		if _, changes, err := file(t, filled).UpdateWith(d, scope, false); err != nil || !changes.IsEmpty() {
			t.Errorf("a second update: got %+v, %v, want no change", changes, err)
		}
	}
}

func TestUpdateLayouts(t *testing.T) {
	const head = "version: 1\n"
	stale := "  - {scenario: a/pass, target: kv, reason: x}\n"
	all := "- scenario: '*'\n  target: '*'\n  reason: x\n"
	for _, tt := range []struct{ name, text, want string }{
		{"nothing there", "", heading + "…"},
		{"empty list", head + "waivers: [] # none\n", head + "waivers: # none\n…"},
		{"list before version", "waivers:\n" + stale + head, "waivers:\n…" + head},
		{"only a stale one", head + "waivers:\n" + stale, head + "waivers:\n…"},
		{"no newline at the end", head + "waivers:\n" + strings.TrimSpace(stale), head + "waivers:\n…"},
		{"a kept one without a newline", head + "waivers:\n  - {scenario: a/sweep, target: kv, reason: x}", head + "waivers:\n  - {scenario: a/sweep, target: kv, reason: x}\n…"},
		{"not indented", head + "waivers:\n- scenario: a/later\n  target: kv\n  reason: x\n# end\n", head + "waivers:\n- scenario: a/later\n  target: kv\n  reason: x\n…# end\n"},
		{"dash alone", head + "waivers:\n  -\n    scenario: a/pass\n    target: kv\n    reason: x\n  - scenario: a/later\n    target: kv\n    reason: x\n", head + "waivers:\n  - scenario: a/later\n    target: kv\n    reason: x\n…"},
		{"nothing to do", head + "waivers:\n" + all, head + "waivers:\n" + all},
		{"in brackets", head + "waivers: [{scenario: a/pass, target: kv, reason: x}]\n", "w.yaml:2: a list in brackets"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := NewFile("w.yaml")
			if tt.text != "" {
				f = file(t, tt.text)
			}
			d, scope := aRun()
			next, _, err := f.UpdateWith(d, scope, false)
			if err != nil {
				if !strings.Contains(err.Error(), tt.want) {
					t.Errorf("got %v, want %s", err, tt.want)
				}
				return
			}
			got := string(next.RawText())
			begin := strings.Index(got, "- scenario: a/")
			if strings.Contains(tt.want, "…") {
				before, after, _ := strings.Cut(tt.want, "…")
				if !strings.HasPrefix(got, before) || !strings.HasSuffix(got, after) || begin < 0 || !strings.Contains(got, "reason: \"\"") {
					t.Errorf("got\n%s\nwant\n%s", got, tt.want)
				}
			} else if got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

func TestUpdateOfTheLastEntryLeavesAnEmptyList(t *testing.T) {
	f := file(t, "version: 1\nwaivers: # none is best\n  # it passes\n  - scenario: a/pass\n    target: kv\n    reason: x\n# end\n")
	d := outcome.FoldResults(1, today, 0, []outcome.Result{result("kv", "a/pass", "", outcome.Pass)})
	_, scope := aRun()
	next, changes, err := f.UpdateWith(d, scope, false)
	if want := "version: 1\nwaivers: [] # none is best\n# end\n"; err != nil || string(next.RawText()) != want || len(changes.Dropped) != 1 {
		t.Errorf("got %v\n%s\nwant\n%s", err, next.RawText(), want)
	}
}

func TestScalarReadsBackAsTheSame(t *testing.T) {
	for _, s := range []string{"eof/in-body", "true", "null", "1e3", "12", "a: b", "#x", "*", "- x", "a\tb", `q"\x`, "ünï", "on", "2026-01-01", "y", ".inf", "0x1f"} {
		text := "version: 1\nwaivers:\n  - scenario: " + quoteScalar(s) + "\n    target: kv\n    reason: x\n"
		if got := string(file(t, text).Waivers[0].Scenario); got != s {
			t.Errorf("got %q, want %q from %s", got, s, text)
		}
	}
}
