package runcmd

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/sockharness/harness/cmd/harness/internal/cli"
	"github.com/sockharness/harness/harness/coordinator"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/runner"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/scenariofile"
	"github.com/sockharness/harness/harness/suite"
	"github.com/sockharness/harness/harness/waiver"
)

// runSuites is `harness run`: everything is resolved and checked before the first worker or
// program under test starts.
func runSuites(cmd *cobra.Command, f *runFlags, paths []string) error {
	if f.watch {
		return watchSuites(cmd, f, paths)
	}
	if err := f.checkFlags(cmd); err != nil {
		return err
	}
	if err := checkMachine(); err != nil {
		return err
	}
	planQuickly()
	e := newExecution(f, cli.NewTerminal(cmd, f.noColor))
	defer e.close()
	if !f.list && !f.plan && !f.infer {
		if err := e.beginMeanwhile(); err != nil {
			return err
		}
	}
	chosen, targets, err := e.choose(cmd.InOrStdin(), paths)
	switch {
	case err != nil:
		return err
	case f.infer:
		return f.inferPolicies(cmd, targets)
	}
	if err := e.planRun(cmd.Context(), chosen, targets); err != nil {
		return err
	}
	switch {
	case f.list:
		return e.listSpecs()
	case f.plan:
		return e.printPlan()
	}
	return e.runRounds(cmd.Context())
}

// newExecution returns a run of which nothing is known but the flags. The caller must close it.
func newExecution(f *runFlags, t cli.Terminal) *execution {
	return &execution{flags: f, terminal: t, lastRuns: sync.OnceValue(readLast), played: map[string]bool{}, lacking: map[string]string{}}
}

// beginMeanwhile begins what needs no plan: the guardian starts and the last run is read while the
// specs are planned.
func (e *execution) beginMeanwhile() error {
	e.meanwhile.Go(func() { e.lastRuns() })
	return e.startDir()
}

// startDir starts the folder of the run, unless it is there.
func (e *execution) startDir() (err error) {
	if e.dir == nil {
		e.dir, err = cli.StartRunDir()
	}
	return err
}

// close waits for what was begun, and ends what is left of the run.
func (e *execution) close() {
	e.meanwhile.Wait()
	if e.dir != nil {
		e.dir.Remove()
	}
}

// choose reads the suites that the paths name, and returns them with the targets that are selected.
func (e *execution) choose(stdin io.Reader, paths []string) (chosen selection, targets []scenario.Target, err error) {
	if chosen, err = selectSuites(stdin, paths, len(e.flags.suiteBinaries) > 0); err != nil {
		return chosen, nil, err
	}
	e.topics, e.files, e.wholeFolders = chosen.topics, chosen.files, len(watchedFolders(chosen.paths)) > 0
	e.allTargets, targets, err = e.flags.chooseTargets(chosen)
	return chosen, targets, err
}

// planRun finds out which specs are to run, and in which order.
func (e *execution) planRun(ctx context.Context, chosen selection, targets []scenario.Target) (err error) {
	if e.waivers, err = e.flags.loadWaivers(); err != nil {
		return err
	}
	if err := errors.Join(e.loadBaseline(), e.touchShardStatus()); err != nil {
		return err
	}
	if err := e.loadCosts(); err != nil {
		return err
	}
	if err := e.prepareJob(targets); err != nil {
		return err
	}
	if err := e.prepareGoSuites(ctx, chosen.goFolders); err != nil {
		return err
	}
	if len(e.specs)+e.goSpecCount() == 0 {
		return cli.ExitError{Code: outcome.ExitNothing, Err: explainNothing(chosen.topics, targets)}
	}
	if err := e.orderSpecs(); err != nil {
		return err
	}
	e.shardSpecs()
	return nil
}

// chooseTargets returns all targets, and those that are selected. Go suites have none: a
// harness.yaml above their folder is not theirs.
func (f *runFlags) chooseTargets(chosen selection) (all, selected []scenario.Target, err error) {
	if len(chosen.topics) == 0 {
		return nil, nil, nil
	}
	if all, err = f.givenTargets(); err != nil {
		return nil, nil, err
	}
	if len(chosen.files.Summaries) == 0 {
		if err := f.CheckPeers(all); err != nil {
			return nil, nil, err
		}
	}
	selected, err = f.SelectTargets(all)
	return all, selected, err
}

// An execution is one run of `harness run`.
type execution struct {
	flags        *runFlags
	dir          *cli.RunDir    // nil: it was not started
	meanwhile    sync.WaitGroup // what was begun beside the plan
	terminal     cli.Terminal
	topics       []suite.Topic
	files        scenariofile.Set  // those that are not built in
	wholeFolders bool              // files were read from a folder: there are no others of their topics
	allTargets   []scenario.Target // selected or not
	waivers      waiver.File
	job          suite.Job
	specs        []coordinator.Spec
	goSuites     []goSuite
	played       map[string]bool // by "id on target": whole, in some round

	lacking map[string]string // by "id on target": scenarios without the variant of --variant, and what they say

	recorded map[string][]string // by target: what was inferred of two programs without a dialogue

	runID    string
	shard    *outcome.Shard     // nil: not a shard
	costs    map[string]float64 // what scenarios took the last time, by "id on target"; nil: not given
	lastRuns func() lastRuns    // the same of the last runs in this folder, read once
	baseline *outcome.Run       // nil: none
}

// prepareJob resolves the job and plans the specs that it comes to.
func (e *execution) prepareJob(targets []scenario.Target) error {
	self, err := os.Executable()
	if err != nil {
		return cli.HarnessErrorf("own path: %w", err)
	}
	levels, err := parseLevels(e.flags.levels)
	if err != nil {
		return err
	}
	e.job = suite.Job{
		Targets: targets, Files: e.files.SourcesToRun(),
		Runner: runner.Config{Seed: e.flags.seed, Budget: e.flags.budget, StartTimeout: e.flags.startTimeout, Self: self, Variant: e.flags.variant, Sweep: e.flags.sweep,
			Profiles: e.flags.profiles, ShareControls: e.flags.repeat == 1 && !e.flags.untilFail, Zoo: e.flags.zoo, Pcap: e.flags.pcap},
		Timeout: e.flags.timeout, Levels: levels, LabelFilter: e.flags.labelFilter,
		Focus: e.flags.focus, Skip: e.flags.skip, FailFast: e.flags.failFast, Waivers: e.waivers,
	}
	e.job.Summaries = e.files.Summaries
	for _, t := range e.topics {
		e.job.Topics = append(e.job.Topics, t.Name)
	}
	if len(e.topics) > 0 { // a job without topics is one of all
		e.specs = e.job.PlanSpecs(e.topics)
	}
	e.job.Ahead = e.flags.atOnce > 0 && e.onlyFiles()
	return nil
}

// onlyFiles reports whether no suite is run. Scenarios of a suite wait for seconds, and who
// confirms a failure waits for all beside it: they are quicker in workers of their own.
func (e *execution) onlyFiles() bool { return len(e.topics) == 1 && len(e.files.Summaries) > 0 }

// listSpecs tells what would run.
func (e *execution) listSpecs() error {
	var ids []string
	for _, s := range e.specs {
		id := specID(s.Preview)
		ids = append(ids, id+e.partName(id))
	}
	for _, s := range e.goSuites {
		for _, spec := range s.Specs {
			ids = append(ids, s.SpecName(spec.Name))
		}
	}
	slices.Sort(ids)  // else their order depends on the seed
	if len(ids) > 0 { // a shard may have nothing to do
		e.terminal.Printf("%s\n", strings.Join(ids, "\n"))
	}
	return e.terminal.Err()
}

// specID is "id on target", without the container's name.
func specID(r suite.Report) string { return r.LeafNodeText }

// specIDOf is the same of a spec's full text.
func specIDOf(text string) string {
	_, id, _ := strings.Cut(text, " ")
	return id
}

// runRounds plays every round and reports what came of them.
func (e *execution) runRounds(parent context.Context) error {
	if err := e.dir.AwaitGuardian(); err != nil {
		return err
	}
	e.job.Runner.Tmp = e.dir.Path
	saveMemory()
	watched, unwatch := e.terminal.WatchReader(parent)
	defer unwatch()
	ctx, hard, release := cli.NotifyInterrupts(watched)
	defer release()
	e.recordPairs(ctx)
	job, err := e.writeJob()
	if err != nil {
		return err
	}
	var rounds []outcome.Run
	var last outcome.Run
	for played := 0; e.wantsRound(played, last); played++ {
		r := &round{execution: e, started: time.Now()}
		d, err := r.playRound(ctx, hard, job)
		if last = d; e.flags.untilFail {
			rounds = nil // the last one is all that is told
		}
		rounds = append(rounds, d)
		e.tellRound(played+1, d)
		if err != nil || d.Stopped != "" {
			break
		}
	}
	e.meanwhile.Go(e.dir.Remove) // while the reports are written
	if gone := cli.ReaderError(watched); gone != nil {
		e.terminal.Failed, e.terminal.Out = gone, io.Discard // the files are written all the same
	}
	if e.flags.repeat == 1 || e.flags.untilFail {
		return e.finishRun(last)
	}
	return e.finishRun(outcome.MergeRounds(e.flags.repeat, rounds))
}

// writeJob writes the job for the workers and returns the path of the file.
func (e *execution) writeJob() (path string, err error) {
	path = filepath.Join(e.job.Runner.Tmp, "job")
	data, err := e.job.Encode()
	if err != nil {
		return "", cli.HarnessErrorf("%w", err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		return "", cli.HarnessErrorf("job write: %w", err)
	}
	return path, nil
}
