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
	return e.lastRuns().costs
}

// A lastRuns is what the file of the last runs has told.
type lastRuns struct {
	file  os.FileInfo        // the file then; nil: it was not read
	costs map[string]float64 // of all that is in it, by "id on target"
}

func readLast() lastRuns {
	file, err := os.Stat(lastFile)
	if err != nil {
		return lastRuns{}
	}
	d, err := report.ReadFile(lastFile)
	if err != nil {
		return lastRuns{}
	}
	return lastRuns{file, d.SpecCosts()}
}

// hasOnly reports whether the file is as it was, and has nothing but specs that are known.
func (l lastRuns) hasOnly(known map[string]float64) bool {
	now, err := os.Stat(lastFile)
	if l.file == nil || err != nil || !os.SameFile(now, l.file) || now.Size() != l.file.Size() || !now.ModTime().Equal(l.file.ModTime()) {
		return false
	}
	for name := range l.costs {
		if _, there := known[name]; !there {
			return false
		}
	}
	return true
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
	if !e.lastRuns().hasOnly(known) {
		now.Results = append(now.Results, olderResults(known)...)
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

// olderResults returns those in the file of the last runs whose specs are not known.
func olderResults(known map[string]float64) []outcome.Result {
	before, err := report.ReadFile(lastFile)
	if err != nil {
		return nil
	}
	return slices.DeleteFunc(before.Results, func(r outcome.Result) bool { _, newer := known[r.SpecName()]; return newer })
}
