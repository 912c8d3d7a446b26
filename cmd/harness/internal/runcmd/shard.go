package runcmd

import (
	"crypto/rand"
	"fmt"
	"hash/fnv"
	"os"
	"slices"
	"strings"

	"github.com/sockharness/harness/cmd/harness/internal/cli"
	"github.com/sockharness/harness/harness/coordinator"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/report"
	"github.com/sockharness/harness/harness/runner"
)

// idVariables name the run in the systems that start many jobs for one.
var idVariables = []string{"HARNESS_RUN_ID", "GITHUB_RUN_ID", "CI_PIPELINE_ID", "CIRCLE_WORKFLOW_ID", "BUILDKITE_BUILD_ID", "BUILD_TAG"}

// givenID returns the run's id as the flag or the CI has it; empty where none does.
func givenID(flag string, getenv func(string) string) string {
	for _, name := range idVariables {
		if flag == "" {
			flag = getenv(name)
		}
	}
	return flag
}

// sharedSeed is the seed of all shards of a run where no --seed was given.
func sharedSeed(id string) int64 {
	if id == "" {
		return 1
	}
	h := fnv.New32a()
	h.Write([]byte(id))
	return int64(h.Sum32() % 1_000_000)
}

// shardSpecs keeps the specs of this shard and notes its place, and gives the run an id.
func (e *execution) shardSpecs() {
	e.runID = givenID(e.flags.runID, os.Getenv)
	if e.flags.shard == nil {
		if e.runID == "" {
			e.runID = strings.ToLower(rand.Text()[:12])
		}
		return
	}
	var names []string
	for _, s := range e.specs {
		names = append(names, specID(s.Preview))
	}
	shards := outcome.DividePieces(names, e.costs, e.flags.shard.Total)
	place := *e.flags.shard
	place.Plan = outcome.PlanOf(shards, e.flags.variant, strings.Join(e.flags.profiles, ","), fmt.Sprint(e.flags.sweep), fmt.Sprint(e.job.Timeout), fmt.Sprint(e.job.Runner.Budget))
	if e.runID == "" {
		e.runID = fmt.Sprintf("%s-%d", place.Plan, e.flags.seed)
	}
	e.shard = &place
	e.keepPieces(shards[place.Index-1])
	e.keepGoSpecs(func(position int, _ string) bool { return position%place.Total == place.Index-1 })
}

// keepPieces drops the specs of other shards.
func (e *execution) keepPieces(pieces []outcome.Piece) {
	mine := map[string]runner.Part{}
	for _, p := range pieces {
		part := mine[p.Spec]
		part.Of = p.Parts
		part.Remainders = append(part.Remainders, p.Part)
		mine[p.Spec] = part
	}
	e.specs = slices.DeleteFunc(e.specs, func(s coordinator.Spec) bool { _, keep := mine[specID(s.Preview)]; return !keep })
	e.job.Runner.Parts = map[string]runner.Part{}
	for spec, part := range mine {
		if len(part.Remainders) < part.Of {
			e.job.Runner.Parts[spec] = part
		}
	}
}

// partName says in words which part of a spec the shard plays; empty for the whole.
func (e *execution) partName(spec string) string {
	part, cut := e.job.Runner.Parts[spec]
	if !cut {
		return ""
	}
	var words []string
	for _, r := range part.Remainders {
		words = append(words, fmt.Sprint(r+1))
	}
	return fmt.Sprintf(" (part %s of %d)", strings.Join(words, " and "), part.Of)
}

// touchShardStatus tells Bazel that the program knows how to shard.
func (e *execution) touchShardStatus() error {
	path := os.Getenv("TEST_SHARD_STATUS_FILE")
	if e.flags.shard == nil || path == "" {
		return nil
	}
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		return cli.HarnessErrorf("shard status file (TEST_SHARD_STATUS_FILE): %w", err)
	}
	return nil
}

// loadCosts reads what scenarios took the last time: from --timings, else from the
// baseline. The times of the last run here balance no shards: other machines have others.
func (e *execution) loadCosts() error {
	file := e.flags.timings
	if file != "" {
		d, err := report.ReadFile(file)
		if err != nil {
			return cli.UsageErrorf("--timings %s: %v", file, err)
		}
		e.costs = d.SpecCosts()
		return nil
	}
	if e.baseline != nil {
		e.costs = e.baseline.SpecCosts()
	}
	return nil
}
