package waiver

import (
	"strings"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/outcome"
)

var today = time.Date(2026, 3, 1, 23, 0, 0, 0, time.UTC)

func result(target, scenario, variant string, v outcome.Verdict) outcome.Result {
	return outcome.Result{Target: target, Scenario: scenario, Variant: variant, Level: outcome.Must, Verdict: v, Message: "got less\nthan that"}
}

// aRun is a document and its scope: everything was played but a/later.
func aRun() (outcome.Run, Scope) {
	leak := result("kv", "a/leak", "", outcome.Fail)
	leak.Check = "descriptors"
	d := outcome.FoldResults(7, today, time.Second, []outcome.Result{
		result("kv", "a/pass", "", outcome.Pass), result("kv", "a/sweep", "byte=1", outcome.Pass), result("kv", "a/sweep", "byte=2", outcome.Fail),
		result("kv", "a/flaky", "", outcome.Flaky), result("kv", "a/blocked", "", outcome.Blocked), result("kv", "a/invalid", "", outcome.Invalid),
		result("kv", "a/unsupported", "", outcome.Unsupported), leak, result("web", "a/pass", "", outcome.Pass), result("web", "a/sweep", "byte=1", outcome.Pass),
	})
	s := Scope{Today: today}
	for _, target := range []string{"kv", "web"} {
		for _, name := range []string{"a/pass", "a/sweep", "a/flaky", "a/blocked", "a/invalid", "a/unsupported", "a/leak", "a/later"} {
			played := name != "a/later" && (target == "kv" || name == "a/pass" || name == "a/sweep")
			s.Specs = append(s.Specs, Spec{Target: target, Scenario: name, Played: played})
		}
	}
	return d, s
}

func TestApply(t *testing.T) {
	for _, tt := range []struct {
		name, entry string
		waived      int
		complaint   string // of the stale row; empty: there is none
	}{
		{"waives what fails", `scenario: a/sweep, target: kv`, 1, ""},
		{"waives what is flaky", `scenario: a/flaky, target: kv`, 1, ""},
		{"patterns", `scenario: "*", target: "*"`, 3, ""},
		{"one variant", `scenario: a/sweep, target: "*", variant: byte=2`, 1, ""},
		{"the check", `scenario: a/leak, target: kv, check: desc*`, 1, ""},
		{"another check", `scenario: a/leak, target: kv, check: cpu`, 0, "expects a failure (known), but it passes; delete"},
		{"the expectations only", `scenario: a/leak, target: kv, check: expectations`, 0, "but it passes; delete"},
		{"passes", `scenario: a/pass, target: "*"`, 0, "all 2 results pass"},
		{"passes in this variant", `scenario: a/sweep, target: kv, variant: byte=1`, 0, "it passes"},
		{"never what is blocked", `scenario: a/blocked, target: kv`, 0, ""},
		{"never what is invalid", `scenario: a/invalid, target: kv`, 0, ""},
		{"unsupported here", `scenario: a/unsupported, target: kv`, 0, ""},
		{"no such scenario", `scenario: a/nope, target: kv`, 0, `w.yaml:3 matches nothing: there is no scenario "a/nope" on a target "kv"`},
		{"no such variant", `scenario: a/sweep, target: kv, variant: byte=9`, 0, `no variant "byte=9" of scenario`},
		{"not selected", `scenario: a/later, target: kv`, 0, ""},
		{"played in part and passing", `scenario: a/*, target: web`, 0, ""},
		{"expired", `scenario: a/sweep, target: kv, expires: 2026-02-28`, 0, "expired on 2026-02-28 (known), and it still fails; fix"},
		{"expired, not selected", `scenario: a/later, target: kv, expires: 2026-02-28`, 0, ""},
		{"expired and blocked", `scenario: a/blocked, target: kv, expires: 2026-02-28`, 0, "it did not run this time"},
		{"the last day", `scenario: a/sweep, target: kv, expires: 2026-03-01`, 1, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := file(t, "version: 1\nwaivers:\n  - {"+tt.entry+", reason: known}\n")
			before, scope := aRun()
			got := f.ApplyTo(before, scope)
			if got.Summary[outcome.Waived] != tt.waived {
				t.Errorf("got %d waived, want %d", got.Summary[outcome.Waived], tt.waived)
			}
			if got.Summary[outcome.Blocked] != 1 || got.Summary[outcome.Invalid] != 1 {
				t.Errorf("got %v", got.Summary)
			}
			checkRow(t, got, tt.complaint)
			if again, _ := aRun(); before.Results[2].Verdict != again.Results[2].Verdict {
				t.Error("the caller's document was changed")
			}
		})
	}
}

// checkRow wants one result of verdict stale that says so, or none.
func checkRow(t *testing.T, d outcome.Run, complaint string) {
	t.Helper()
	want := 0
	if complaint != "" {
		want = 1
	}
	if d.Summary[outcome.Stale] != want {
		t.Fatalf("got %d stale, want %d: %+v", d.Summary[outcome.Stale], want, d.Results[len(d.Results)-1])
	}
	if row := d.Results[len(d.Results)-1]; want == 1 && (!strings.Contains(row.Message, complaint) || !row.TurnsRed(false)) {
		t.Errorf("got %q, want %q in it", row.Message, complaint)
	}
}

func TestAWaivedRunIsGreen(t *testing.T) {
	f := file(t, "version: 1\nwaivers:\n  - {scenario: a/sweep, target: kv, reason: known, issue: 'https://example.test/12', expires: 2027-01-01}\n")
	_, scope := aRun()
	got := f.ApplyTo(outcome.FoldResults(1, today, 0, []outcome.Result{result("kv", "a/sweep", "byte=2", outcome.Fail)}), scope)
	if got.ExitCode(true) != outcome.ExitOK {
		t.Errorf("got exit code %d", got.ExitCode(true))
	}
	if want := "got less\nthan that\nwaived by w.yaml:3: known, https://example.test/12, until 2027-01-01"; got.Results[0].Message != want {
		t.Errorf("got %q, want %q", got.Results[0].Message, want)
	}
}

func TestTheRowNamesTheOneThatTheWaiverSpeaksOf(t *testing.T) {
	d, scope := aRun()
	for entry, want := range map[string]string{`scenario: "a/pas?", target: k*`: "kv a/pass", `scenario: a/pass, target: "*"`: "* a/pass"} {
		got := file(t, "version: 1\nwaivers:\n  - {"+entry+", reason: known}\n").ApplyTo(d, scope)
		if row := got.Results[len(got.Results)-1]; row.Target+" "+row.Scenario != want {
			t.Errorf("got a row on %s %s, want %s", row.Target, row.Scenario, want)
		}
	}
}

func TestAccept(t *testing.T) {
	f := file(t, "version: 1\nwaivers:\n  - {scenario: a/sweep, target: kv, reason: known}\n  - {scenario: a/flaky, target: kv, reason: known, expires: 2026-01-01}\n  - {scenario: a/pass, target: kv, reason: known}\n")
	d, _ := aRun()
	got := d.WithResults(f.AcceptResults(d.Results, today))
	if got.Summary[outcome.Waived] != 1 || got.Summary[outcome.Flaky] != 1 || got.Summary[outcome.Stale] != 0 || len(got.Results) != len(d.Results) {
		t.Errorf("got %v", got.Summary)
	}
}
