package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sockharness/harness/harness/coordinator"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/runner"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/suite"
	"github.com/sockharness/harness/harness/waiver"
)

// runSuites is `harness run`: everything is resolved and checked before the
// first process starts.
func runSuites(cmd *cobra.Command, f *runFlags, paths []string) error {
	topics, err := selectTopics(paths)
	if err != nil {
		return err
	}
	if err := f.check(cmd); err != nil {
		return err
	}
	all, err := f.all()
	if err != nil {
		return err
	}
	targets, err := f.selected(all)
	if err != nil {
		return err
	}
	e := &execution{flags: f, terminal: newTerminal(cmd, f.noColor), topics: topics, universe: all, played: map[string]bool{}}
	if e.waivers, err = f.loadWaivers(); err != nil {
		return err
	}
	if err := e.prepare(targets); err != nil {
		return err
	}
	if len(e.specs) == 0 {
		return exitError{outcome.ExitNothing, errors.New("nothing was selected: no scenario is for these targets, labels and expressions")}
	}
	if f.list {
		return e.list()
	}
	return e.run(cmd.Context())
}

// An execution is one run of `harness run`.
type execution struct {
	flags    *runFlags
	terminal terminal
	topics   []suite.Topic
	universe []scenario.Target // selected or not
	waivers  waiver.File
	job      suite.Job
	specs    []coordinator.Spec
	played   map[string]bool // by "id on target": whole, in some round
}

// prepare resolves the job and asks Ginkgo which specs it comes to.
func (e *execution) prepare(targets []scenario.Target) error {
	self, err := os.Executable()
	if err != nil {
		return broken("own path: %w", err)
	}
	levels, err := parseLevels(e.flags.levels)
	if err != nil {
		return err
	}
	e.job = suite.Job{
		Targets: targets,
		Runner: runner.Config{Seed: e.flags.seed, Budget: e.flags.budget, StartTimeout: e.flags.startTimeout, Self: self, Variant: e.flags.variant, Sweep: e.flags.sweep,
			Zoo: e.flags.zoo},
		Timeout: e.flags.timeout, Levels: levels, LabelFilter: e.flags.labelFilter,
		Focus: e.flags.focus, Skip: e.flags.skip, FailFast: e.flags.failFast, Waivers: e.waivers,
	}
	for _, t := range e.topics {
		e.job.Topics = append(e.job.Topics, t.Name)
	}
	e.specs = e.job.Preview(e.topics)
	return nil
}

func parseLevels(names []string) ([]outcome.Level, error) {
	var levels []outcome.Level
	for _, name := range names {
		known := false
		for _, l := range outcome.Levels() {
			known = known || name == string(l)
		}
		if !known {
			return nil, usage("--level %q: want must, should, may or info", name)
		}
		levels = append(levels, outcome.Level(name))
	}
	return levels, nil
}

// list tells what would run.
func (e *execution) list() error {
	var ids []string
	for _, s := range e.specs {
		ids = append(ids, specID(s.Preview))
	}
	slices.Sort(ids) // else their order depends on the seed
	e.terminal.printf("%s\n", strings.Join(ids, "\n"))
	return e.terminal.err()
}

// specID is "id on target", without the container's name.
func specID(r suite.Report) string { return r.LeafNodeText }

// leaf is the same of a spec's full text.
func leaf(text string) string {
	_, id, _ := strings.Cut(text, " ")
	return id
}

// run plays every round and reports what came of them.
func (e *execution) run(parent context.Context) error {
	tmp, release, err := keepHouse()
	if err != nil {
		return err
	}
	defer release()
	e.job.Runner.Tmp = tmp
	job := filepath.Join(tmp, "job.json")
	data, err := json.Marshal(e.job)
	if err != nil {
		return broken("job encode: %w", err)
	}
	if err := os.WriteFile(job, data, 0o600); err != nil {
		return broken("job write: %w", err)
	}
	ctx, hard, release := interrupts(parent)
	defer release()
	var rounds []outcome.Document
	for len(rounds) < e.flags.repeat {
		r := &round{execution: e, started: time.Now()}
		d, err := r.play(ctx, hard, job)
		rounds = append(rounds, d)
		e.tellRound(rounds)
		if err != nil || d.Stopped != "" {
			break
		}
	}
	if e.flags.repeat == 1 {
		return e.finish(rounds[0])
	}
	return e.finish(outcome.Merge(e.flags.repeat, rounds))
}
