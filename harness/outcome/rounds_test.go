package outcome

import (
	"strings"
	"testing"
	"time"
)

// round is a document of results on kv, each written as "scenario verdict" or
// "scenario/variant/check verdict", with an empty part for what there is not.
func round(number int, results ...string) Run {
	var all []Result
	for _, text := range results {
		name, verdict, _ := strings.Cut(text, " ")
		parts := append(strings.Split(name, "/"), "", "")
		all = append(all, Result{Target: "kv", Scenario: parts[0], Variant: parts[1], Check: parts[2], Level: Must,
			Verdict: Verdict(verdict), Message: "round " + string(rune('0'+number))})
	}
	return FoldResults(7, time.Unix(int64(10*number), 0), 2*time.Second, all)
}

func TestMergeOfEqualRounds(t *testing.T) {
	got := MergeRounds(3, []Run{round(1, "a pass", "b/1 pass", "b/2 pass"), round(2, "a pass", "b/1 pass", "b/2 pass"), round(3, "a pass", "b/1 pass", "b/2 pass")})
	if r := got.Rounds; r.Asked != 3 || r.Played != 3 || r.Variants != 3 || len(r.Changed) != 0 {
		t.Errorf("got %+v", r)
	}
	if got.Elapsed.ToDuration() != 22*time.Second || got.Summary[Pass] != 3 || got.ExitCode(false) != ExitOK {
		t.Errorf("got %v, %v, exit code %d", got.Elapsed, got.Summary, got.ExitCode(false))
	}
}

func TestMergeFindsEveryChange(t *testing.T) {
	got := MergeRounds(3, []Run{
		round(1, "a pass", "b/1 fail", "b/2 fail", "b//threads fail", "c//leak fail", "d pass"),
		round(2, "a flaky", "b/1 fail", "c pass", "c//leak fail", "d pass"),
		round(3, "a pass", "b/1 fail", "b/2 fail", "c pass", "d pass", "d//cpu fail"),
	})
	var lines []string
	for _, c := range got.Rounds.Changed {
		lines = append(lines, c.String())
	}
	want := `a on kv: 2× pass, 1× flaky
b on kv (threads): 2× pass, 1× fail
c on kv (leak): 1× pass, 2× fail
d on kv (cpu): 2× pass, 1× fail`
	if strings.Join(lines, "\n") != want {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(lines, "\n"), want)
	}
	if got.Summary[Flaky] != 1 || got.Summary[Fail] != 5 || got.Rounds.Variants != 5 {
		t.Errorf("got %v, want the worst of each", got.Summary)
	}
	for _, r := range got.Results {
		if r.Scenario == "a" && r.Message != "round 2" {
			t.Errorf("got %q, want the result that failed", r.Message)
		}
	}
}

func TestMergeFindsAScenarioThatHadNoVariants(t *testing.T) {
	got := MergeRounds(2, []Run{round(1, "a/1 pass", "a/2 pass", "b/1 fail", "b/2 fail"), round(2, "a blocked", "b/1 fail")}).Rounds.Changed
	if len(got) != 1 || got[0].String() != "a on kv: 1× pass, 1× blocked" {
		t.Errorf("got %v", got)
	}
}

func TestAChangedVerdictIsRedAtEveryLevel(t *testing.T) {
	one, two := round(1, "a pass", "b pass"), round(2, "a pass", "b fail")
	two.Results[1].Level = Info
	if got := MergeRounds(2, []Run{one, two}).ExitCode(false); got != ExitVerdicts {
		t.Errorf("got exit code %d, want %d", got, ExitVerdicts)
	}
}

func TestMergeKeepsTheWholeRoundWhenTheLastWasInterrupted(t *testing.T) {
	cut := round(2, "a pass")
	cut.Stopped, cut.Problems = "interrupted", []string{"worker 1 died"}
	got := MergeRounds(50, []Run{round(1, "a pass", "b pass"), cut})
	if got.Rounds.Played != 1 || len(got.Results) != 2 || got.Stopped != "interrupted" || len(got.Problems) != 1 || len(got.Rounds.Changed) != 0 {
		t.Errorf("got %+v, %d results, stopped %q, %v", got.Rounds, len(got.Results), got.Stopped, got.Problems)
	}
}

func TestExplain(t *testing.T) {
	d := round(1, "a fail", "b pass", "c//leak fail", "d fail")
	got := d.ExplainResults(func(name string) Explanation {
		if name == "d" {
			return Explanation{}
		}
		return Explanation{Title: "title of " + name}
	}, func(name string) Explanation { return Explanation{Title: "meaning of " + name} })
	if len(got.Scenarios) != 2 || got.Scenarios["a"].Title != "title of a" || got.Checks["leak"].Title != "meaning of leak" {
		t.Errorf("got %v, %v", got.Scenarios, got.Checks)
	}
}
