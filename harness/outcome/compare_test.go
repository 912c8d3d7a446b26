package outcome

import (
	"testing"
	"time"
)

func runOf(results ...Result) Run { return FoldResults(1, time.Unix(0, 0), 0, results) }

func with(r Result, v Verdict) Result { r.Verdict = v; return r }

func TestCompareTellsStates(t *testing.T) {
	a, b, c := passOf("a", "byte=1"), passOf("b", "byte=1"), passOf("c", "")
	leak := Result{Target: "kv", Scenario: "a", Check: "descriptors", Level: Must, Verdict: Fail}
	should := passOf("d", "")
	should.Level = Should
	for _, tt := range []struct {
		name     string
		old, now Run
		want     map[State]int
		exit     int
	}{
		{"the same", runOf(a, b), runOf(a, b), map[State]int{}, ExitOK},
		{"regressed", runOf(a), runOf(with(a, Fail)), map[State]int{Regressed: 1}, ExitVerdicts},
		{"new", runOf(a), runOf(a, with(b, Fail)), map[State]int{New: 1}, ExitVerdicts},
		{"ongoing", runOf(with(a, Fail), b), runOf(with(a, Flaky), b), map[State]int{Ongoing: 1}, ExitOK},
		{"resolved", runOf(with(a, Fail)), runOf(a), map[State]int{Resolved: 1}, ExitOK},
		{"vanished", runOf(a, with(b, Fail)), runOf(a), map[State]int{Vanished: 1}, ExitOK},
		{"a check that said nothing has passed", runOf(a), runOf(a, leak), map[State]int{Regressed: 1}, ExitVerdicts},
		{"a check that says nothing any more passes", runOf(a, leak), runOf(a), map[State]int{Resolved: 1}, ExitOK},
		{"a check on what was never played is new", runOf(b), runOf(b, leak), map[State]int{New: 1}, ExitVerdicts},
		{"a should does not count", runOf(should), runOf(a, with(should, Fail)), map[State]int{}, ExitOK},
		{"invalid stays red", runOf(with(a, Invalid), b), runOf(with(a, Invalid), b), map[State]int{Ongoing: 1}, ExitHarness},
		{"blocked as a whole stays red", runOf(with(a, Blocked)), runOf(with(a, Blocked)), map[State]int{Ongoing: 1}, ExitVerdicts},
		{"no baseline yet", Run{}, runOf(with(c, Fail)), map[State]int{New: 1}, ExitVerdicts},
	} {
		got := tt.now.CompareWith("old.json", tt.old, false)
		for _, s := range AllStates() {
			if got.Baseline.Counts[s] != tt.want[s] {
				t.Errorf("%s: got %v, want %v", tt.name, got.Baseline.Counts, tt.want)
				break
			}
		}
		if got.ExitCode(false) != tt.exit {
			t.Errorf("%s: got status %d, want %d", tt.name, got.ExitCode(false), tt.exit)
		}
	}
}

func TestNothingVanishesFromAPart(t *testing.T) {
	old := runOf(passOf("a", ""), passOf("b", ""))
	shard, stopped := runOf(passOf("a", "")), runOf(passOf("a", ""))
	shard.Shard, stopped.Stopped = &Shard{1, 2, "p"}, "fail-fast"
	for name, d := range map[string]Run{"a shard": shard, "a stopped run": stopped} {
		if got := d.CompareWith("", old, false).Baseline.Counts[Vanished]; got != 0 {
			t.Errorf("%s: %d vanished, want none", name, got)
		}
	}
}

// A baseline is small and says the same.
func TestBaselineIsEnoughToCompareWith(t *testing.T) {
	failed := with(passOf("a", ""), Fail)
	failed.Stderr, failed.Message = "much", "why"
	d := runOf(failed, passOf("b", ""))
	kept := d.AsBaseline()
	if kept.Results[0].Stderr != "" || d.Results[0].Stderr == "" {
		t.Error("a baseline keeps what processes wrote, or the document has lost it")
	}
	if got := d.CompareWith("", kept, false).Baseline.Counts; got[Ongoing] != 1 || len(got) != 1 {
		t.Errorf("got %v, want 1 ongoing", got)
	}
}
