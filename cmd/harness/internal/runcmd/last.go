package runcmd

import (
	"os"
	"path/filepath"
	"slices"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/report"
)

// lastFile is where verdicts and times of the last runs in a folder are kept, for
// --rerun-failed and --plan.
const lastFile = ".harness/last.json"

// lastCosts returns what scenarios took the last time, by "id on target": what was given,
// else what the last runs in this folder took; nil where there were none.
func (e *execution) lastCosts() map[string]float64 {
	if e.costs != nil {
		return e.costs
	}
	if e.ranHere == nil {
		if d, err := report.ReadFile(lastFile); err == nil {
			e.ranHere = d.SpecCosts()
		}
	}
	return e.ranHere
}

// keepLast adds this run to what is known of the runs before. A folder that cannot be
// written is no reason to fail: the run itself is whole.
func (e *execution) keepLast(d outcome.Run) {
	if e.flags.zoo || e.flags.targetsFrom != "" || e.flags.variant != "" || len(e.job.Runner.Parts) > 0 {
		return // a part of a scenario, or no program of the user's, was played
	}
	now := d.AsBaseline()
	now.Results = slices.DeleteFunc(now.Results, func(r outcome.Result) bool { return d.Stopped != "" && !e.played[r.SpecName()] })
	known := now.SpecCosts()
	if before, err := report.ReadFile(lastFile); err == nil {
		for _, r := range before.Results {
			if _, newer := known[r.SpecName()]; !newer {
				now.Results = append(now.Results, r)
			}
		}
	}
	now.Environment, now.Problems, now.Stopped, now.Shard, now.Shards = nil, nil, "", nil, nil
	now = now.WithResults(now.Results)
	folder := filepath.Dir(lastFile)
	if os.MkdirAll(folder, 0o755) != nil {
		return
	}
	ignore := filepath.Join(folder, ".gitignore")
	if _, err := os.Stat(ignore); err != nil && os.WriteFile(ignore, []byte("# what harness knows of its last runs\n*\n"), 0o644) != nil {
		return
	}
	_ = writeResult(lastFile, now)
}
