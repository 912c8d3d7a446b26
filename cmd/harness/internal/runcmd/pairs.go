package runcmd

import (
	"context"
	"fmt"
	"strings"

	"github.com/sockharness/harness/harness/explore"
	"github.com/sockharness/harness/harness/scenario"
)

// recordPairs listens to the two programs of each target that has no dialogue, so that each
// of them can be tested with harness at the other end. What cannot be recorded is tested as it
// is, and the result says why.
func (e *execution) recordPairs(ctx context.Context) {
	for i := range e.job.Targets {
		t := &e.job.Targets[i]
		if !t.IsPair() || !e.testsAlone(t.Name) || ctx.Err() != nil {
			continue
		}
		recorded, notes, err := explore.RecordPair(ctx, explore.Options{Target: *t, Seed: e.flags.seed, Tmp: e.job.Runner.Tmp, Self: e.job.Runner.Self, StartTimeout: e.flags.startTimeout})
		if err != nil {
			notes = []string{fmt.Sprintf("nothing, so that harness does not know where messages end: %v", err)}
		}
		t.Recorded = recorded
		if e.recorded == nil {
			e.recorded = map[string][]string{}
		}
		e.recorded[t.Name] = notes
	}
}

// testsAlone reports whether a scenario was selected on the target that is for one program.
func (e *execution) testsAlone(target string) bool {
	for _, s := range e.specs {
		id, on, _ := strings.Cut(specID(s.Preview), " on ")
		if one, known := e.findScenario(id); known && on == target && !one.AppliesTo(scenario.Both) {
			return true
		}
	}
	return false
}
