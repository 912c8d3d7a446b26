package scenario

import (
	"strings"
	"testing"
	"time"
)

// A client that is left running for time alone has broken no limit unless it declares
// one; a hang that is proven, and a spin, are no matter of limits.
func TestUndeclaredTimeIsARemark(t *testing.T) {
	running := Observation{Client: &Run{TimedOut: true, Elapsed: 12 * time.Second},
		Attempts: Attempts{At: []time.Duration{0, time.Second, 3 * time.Second}}}
	declared := changed(running, func(o *Observation) { o.Case.Target.Policies.AnswerTimeout = 3 * time.Second })
	hangs := changed(running, func(o *Observation) { o.Client = &Run{TimedOut: true, Stuck: "it waits for ever"} })
	spins := changed(running, func(o *Observation) { o.Client = &Run{TimedOut: true, Spins: true} })
	for _, e := range []Expectation{ReportsFailure(), FailsOrRecovers(), GivesUp()} {
		if err := JudgeObservation(running, []Expectation{e}); err != nil {
			t.Errorf("%s: got %v, want no failure", e.Name, err)
		}
		remarks := CollectRemarks(running, []Expectation{e})
		if len(remarks) != 1 || !strings.Contains(remarks[0].Text, "after 12s and 3 attempts to connect in 3s") || !strings.Contains(remarks[0].Declare, "answer_timeout") {
			t.Errorf("%s: got %v", e.Name, remarks)
		}
		for want, o := range map[string]Observation{"still running": declared, "it waits for ever": hangs, "spins": spins} {
			if err := JudgeObservation(o, []Expectation{e}); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: got %v, want %q", e.Name, err, want)
			}
		}
	}
}
