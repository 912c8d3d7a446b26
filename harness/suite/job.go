package suite

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/onsi/ginkgo/v2/types"

	"github.com/sockharness/harness/harness/coordinator"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/runner"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/scenariofile"
	"github.com/sockharness/harness/harness/waiver"
)

// A Job is one run as workers get it, see [Job.Encode]: everything is resolved, so that no two of
// them can disagree.
type Job struct {
	Topics      []string               // by name; empty: all
	Files       []scenariofile.Source  `json:"-"` // scenario files beside the topics
	Summaries   []scenariofile.Summary `json:"-"` // of the scenarios in Files
	Targets     []scenario.Target      // what is tested
	Runner      runner.Config          // how scenarios are run
	Timeout     time.Duration          // time limit of one scenario on one target
	Levels      []outcome.Level        // only scenarios of these levels; empty: all
	LabelFilter string                 // Ginkgo's filter of labels; empty: all
	Focus       []string               // regular expressions, which must compile; see [Registry]
	Skip        []string               // as Focus: what is left out
	Waivers     waiver.File            // see [Registry]
	FailFast    bool                   // the first failure ends the run
	Ahead       bool                   // a worker plays several scenarios at a time, if the coordinator says so
}

func (j Job) newRegistry() *Registry {
	return &Registry{Targets: j.Targets, Timeout: j.Timeout, Levels: j.Levels, Focus: compileAll(j.Focus), Skip: compileAll(j.Skip), Waivers: j.Waivers}
}

func compileAll(expressions []string) []*regexp.Regexp {
	var all []*regexp.Regexp
	for _, e := range expressions {
		all = append(all, regexp.MustCompile(e))
	}
	return all
}

// CheckFilter tells what is wrong with a label filter.
func CheckFilter(filter string) error {
	_, err := types.ParseLabelFilter(filter)
	var syntax types.GinkgoError
	if errors.As(err, &syntax) {
		// Its own text has colours, a heading and the filter again.
		lines := strings.Split(strings.TrimSpace(syntax.Message), "\n")
		return errors.New(strings.TrimSpace(lines[len(lines)-1]))
	}
	return err
}

// selectTopics returns the topics of the job, by name.
func (j Job) selectTopics(topics []Topic) []Topic {
	return slices.DeleteFunc(slices.SortedFunc(slices.Values(topics), func(a, b Topic) int { return cmp.Compare(a.Name, b.Name) }),
		func(t Topic) bool { return len(j.Topics) > 0 && !slices.Contains(j.Topics, t.Name) })
}

// A pairTable is what specs are about, by their full text.
type pairTable map[string]pair

func (j Job) pairsByName(topics []Topic, b *Registry) pairTable {
	all := pairTable{}
	for _, t := range j.selectTopics(topics) {
		for _, p := range b.pairsOf(t.List()) {
			all[t.Name+" "+p.name] = p
		}
	}
	return all
}

// find returns what the specs of those full texts are about.
func (all pairTable) find(texts []string) (pairs []pair) {
	for _, text := range texts {
		if p, known := all[text]; known {
			pairs = append(pairs, p)
		}
	}
	return pairs
}

// RunWorker is a worker process: it joins the coordinator that started it, and plays
// what it is handed. It blocks until there is nothing left and returns the exit
// status of the process.
func (j Job) RunWorker(topics []Topic, stderr io.Writer) int {
	player := runner.New(j.Runner)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	b := j.newRegistry()
	b.parallel = newParallelRuns(ctx, player, b.playPair)
	defer b.parallel.closeAll()
	worker, err := coordinator.JoinCoordinator(ctx, func() { b.parallel.closeRunners(); os.Exit(outcome.ExitHarness) })
	if err != nil {
		fmt.Fprintln(stderr, "worker:", err)
		return outcome.ExitHarness
	}
	defer worker.Close()
	pairs := j.pairsByName(j.withFiles(topics), b)
	ahead := func(ctx context.Context) ([]pair, error) {
		names, err := worker.SpecsAhead(ctx)
		return pairs.find(names), err
	}
	if j.Ahead { // else all the calls would be for nothing: a tenth of what the workers of a zoo cost
		b.parallel.tasks.Go(func() { b.parallel.followAhead(ahead) })
	}
	green, err := worker.PlaySpecs(ctx, func(ctx context.Context, name string) coordinator.Played {
		b.parallel.refillAhead(ctx, ahead)
		return b.playSpec(ctx, pairs[name])
	})
	switch {
	case err != nil:
		fmt.Fprintln(stderr, "worker:", err)
		return outcome.ExitHarness
	case !green:
		return outcome.ExitVerdicts
	}
	return outcome.ExitOK
}

// A Report is Ginkgo's of one spec or suite node.
type Report = types.SpecReport

// IsSpec tells specs from suite nodes.
func IsSpec(r Report) bool { return r.LeafNodeType == types.NodeTypeIt }

// EndedAbnormally reports whether the spec ended by something else than its results or an
// interrupt: it panicked, or its worker died.
func EndedAbnormally(r Report) bool {
	return r.State.Is(types.SpecStateFailureStates) && !r.State.Is(types.SpecStateInterrupted)
}

// ForgetResults empties what a spec has left for [SpecResults], in all copies of the report:
// who has read it needs it no more.
func ForgetResults(r Report) {
	for i := range r.ReportEntries {
		if r.ReportEntries[i].Name == EntryName {
			r.ReportEntries[i].Value = types.ReportEntryValue{}
		}
	}
}

// SpecResults returns the results that a spec has left, or what became of a spec
// that left none.
func SpecResults(r Report) ([]outcome.Result, error) {
	for _, e := range r.ReportEntries {
		if e.Name != EntryName {
			continue
		}
		text, ok := e.GetRawValue().(string)
		if !ok {
			text = e.StringRepresentation()
		}
		var results []outcome.Result
		if err := json.Unmarshal([]byte(text), &results); err != nil {
			return nil, fmt.Errorf("results of %s: %w", r.FullText(), err)
		}
		return results, nil
	}
	return nil, nil
}
