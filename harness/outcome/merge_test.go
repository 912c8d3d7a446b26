package outcome

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func shardOf(index, total int, results ...Result) Named {
	d := FoldResults(7, time.Unix(int64(1000+index), 0), time.Second, results)
	d.ID, d.Shard = "r1", &Shard{Index: index, Total: total, Plan: "p"}
	return Named{fmt.Sprintf("s%d.json", index), d}
}

func passOf(scenario, variant string) Result {
	return Result{Target: "kv", Scenario: scenario, Variant: variant, Level: Must, Verdict: Pass}
}

func TestMergeKnowsWhichShardIsMissing(t *testing.T) {
	one, two, three := shardOf(1, 3, passOf("a", "byte=10")), shardOf(2, 3), shardOf(3, 3, passOf("a", "byte=9"))
	d, err := MergeShards([]Named{three, one})
	if err != nil {
		t.Fatal(err)
	}
	if d.ExitCode(false) != ExitHarness || !strings.Contains(d.Problems[0], "missing shard 2 of 3") {
		t.Errorf("got status %d and problems %q, want 3 and the missing shard", d.ExitCode(false), d.Problems)
	}
	if d.Results[0].Variant != "byte=9" {
		t.Errorf("got %s first, want byte=9", d.Results[0].Variant)
	}
	// What was merged merges again, and the problem goes.
	whole, err := MergeShards([]Named{{"merged.json", d}, two})
	if err != nil {
		t.Fatal(err)
	}
	if whole.ExitCode(false) != ExitOK || len(whole.Problems) != 0 || len(whole.Results) != 2 {
		t.Errorf("got status %d, problems %q and %d results, want a whole run", whole.ExitCode(false), whole.Problems, len(whole.Results))
	}
	if got := whole.Elapsed.ToDuration(); got != 3*time.Second {
		t.Errorf("got elapsed %s, want 3s from the first start to the last end", got)
	}
}

// A shard that was run again counts once, with the later result.
func TestMergeTakesTheLaterOfTwo(t *testing.T) {
	failed := passOf("a", "")
	failed.Verdict = Fail
	first, again := shardOf(1, 1, failed), shardOf(1, 1, passOf("a", ""))
	again.Run.Started = first.Run.Started.Add(time.Hour)
	d, err := MergeShards([]Named{again, first})
	if err != nil || d.ExitCode(false) != ExitOK || len(d.Results) != 1 {
		t.Errorf("got status %d, %d results, %v; want 0 and the result of the rerun", d.ExitCode(false), len(d.Results), err)
	}
}

// What two shards say of a scenario as a whole is the worse of the two.
func TestMergeKeepsTheWorse(t *testing.T) {
	leak := Result{Target: "kv", Scenario: "a", Check: "descriptors", Level: Must, Verdict: Fail}
	waived := leak
	waived.Verdict = Waived
	d, err := MergeShards([]Named{shardOf(1, 2, waived), shardOf(2, 2, leak)})
	if err != nil || len(d.Results) != 1 || d.Results[0].Verdict != Fail {
		t.Errorf("got %+v, %v; want one failure", d.Results, err)
	}
}

func TestMergeRefusesWhatIsNotOneRun(t *testing.T) {
	for name, spoil := range map[string]func(*Run){
		"seed":             func(d *Run) { d.Seed = 8 },
		"selection":        func(d *Run) { d.Shard.Plan = "q" },
		"number of shards": func(d *Run) { d.Shard.Total = 5 },
		"run id":           func(d *Run) { d.ID = "r2" },
		"not a shard":      func(d *Run) { d.Shard = nil },
	} {
		two := shardOf(2, 2)
		spoil(&two.Run)
		if _, err := MergeShards([]Named{shardOf(1, 2), two}); err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "s2.json") {
			t.Errorf("%s: got %v, want an error that says so and names the file", name, err)
		}
	}
	if _, err := MergeShards(nil); err == nil {
		t.Error("nothing was merged without an error")
	}
}

// An empty shard is green, an empty run is not.
func TestEmptyShardIsGreenOnlyAsAShard(t *testing.T) {
	empty := shardOf(1, 1)
	if got := empty.Run.ExitCode(false); got != ExitOK {
		t.Errorf("an empty shard: got status %d, want 0", got)
	}
	d, err := MergeShards([]Named{empty})
	if err != nil || d.ExitCode(false) != ExitNothing {
		t.Errorf("only empty shards: got status %d, %v; want 4", d.ExitCode(false), err)
	}
}
