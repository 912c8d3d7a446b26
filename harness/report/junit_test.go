package report

import (
	"bytes"
	"encoding/xml"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/outcome"
)

// checkJUnit renders d, reads it back and checks the counts, and that it is red
// exactly when the exit code is.
func checkJUnit(t *testing.T, d outcome.Run, strict bool) suites {
	t.Helper()
	var b bytes.Buffer
	if err := WriteJUnit(&b, d, strict); err != nil {
		t.Fatal(err)
	}
	var got suites
	if err := xml.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatalf("%v in:\n%s", err, b.Bytes())
	}
	var all tally
	for _, s := range got.Suites {
		var own tally
		for _, c := range s.Cases {
			own.addCase(c)
		}
		own.Time = s.Time // rounded
		if own != s.tally {
			t.Errorf("suite %s: got the counts %+v, want %+v", s.Name, s.tally, own)
		}
		all.Tests += s.Tests
		all.Failures += s.Failures
		all.Errors += s.Errors
		all.Skipped += s.Skipped
	}
	all.Time = got.Time
	if all != got.tally {
		t.Errorf("got the counts %+v, want %+v", got.tally, all)
	}
	if red := all.Failures+all.Errors > 0; red != (d.ExitCode(strict) != outcome.ExitOK) {
		t.Errorf("got red=%v, want what exit code %d says", red, d.ExitCode(strict))
	}
	return got
}

func TestJUnit(t *testing.T) {
	var b bytes.Buffer
	if err := WriteJUnit(&b, aRun(), false); err != nil {
		t.Fatal(err)
	}
	checkGolden(t, "run.xml", b.Bytes())
	got := checkJUnit(t, aRun(), false)
	if len(got.Suites) != 3 || got.Suites[0].Name != "kv" || got.Suites[2].Name != "harness" {
		t.Errorf("got %d suites, want kv, fetcher and harness", len(got.Suites))
	}
	if got.Tests != len(aRun().Results)+1 || got.Skipped != 4 {
		t.Errorf("got %+v, want every result and one problem, 4 of them skipped", got.tally)
	}
	if strict := checkJUnit(t, aRun(), true); strict.Failures != got.Failures+1 {
		t.Errorf("got %d failures with strict, want %d", strict.Failures, got.Failures+1)
	}
}

func TestJUnitAgreesWithTheExitCode(t *testing.T) {
	pass := outcome.Result{Target: "kv", Scenario: "a/b", Level: outcome.Must, Verdict: outcome.Pass}
	for _, level := range append(outcome.AllLevels(), "unknown") {
		for _, verdict := range outcome.AllVerdicts() {
			for _, strict := range []bool{false, true} {
				r := outcome.Result{Target: "kv", Scenario: "a/c", Level: level, Verdict: verdict}
				checkJUnit(t, outcome.FoldResults(1, time.Time{}, 0, []outcome.Result{pass, r}), strict)
				checkJUnit(t, outcome.FoldResults(1, time.Time{}, 0, []outcome.Result{r}), strict)
			}
		}
	}
	checkJUnit(t, outcome.FoldResults(1, time.Time{}, 0, nil), false)
	stopped := outcome.FoldResults(1, time.Time{}, 0, []outcome.Result{pass})
	stopped.Stopped = "interrupted"
	checkJUnit(t, stopped, false)
}

func TestJUnitCarriesNoInvalidCharacter(t *testing.T) {
	evil := "]]>\x00\x1b[31m\ufffe\xff&<\"\n"
	d := outcome.FoldResults(1, time.Time{}, 0, []outcome.Result{{Target: evil, Scenario: evil, Variant: evil, Level: outcome.Must, Verdict: outcome.Fail, Message: evil, Stderr: evil, Notes: []string{evil}}})
	c := checkJUnit(t, d, false).Suites[0].Cases[0]
	if want := `]]>\x00\x1b[31m\ufffe\xff&<"`; c.Failure.Text != want || c.Failure.Message != want || c.Err.Text != want {
		t.Errorf("got %q, %q, %q, want %q", c.Failure.Text, c.Failure.Message, c.Err.Text, want)
	}
}

func TestJUnitCasesHaveDifferentNames(t *testing.T) {
	r := outcome.Result{Target: "kv", Scenario: "a/b", Variant: "byte=1", Verdict: outcome.Pass}
	got := checkJUnit(t, outcome.FoldResults(1, time.Time{}, 0, []outcome.Result{r, r}), false).Suites[0].Cases
	if got[0].Name != "a/b [byte=1]" || got[1].Name != "a/b [byte=1] #2" || got[0].Classname != "kv.a" {
		t.Errorf("got %+v", got)
	}
}
