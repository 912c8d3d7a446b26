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

	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/ginkgo/v2/formatter"
	"github.com/onsi/ginkgo/v2/types"
	"github.com/onsi/gomega"

	"github.com/sockharness/harness/harness/coordinator"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/runner"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/scenariofile"
	"github.com/sockharness/harness/harness/waiver"
)

// A Job is one run as workers get it: everything is resolved, so that no two of
// them can disagree.
type Job struct {
	Topics      []string               // by name; empty: all
	Files       []scenariofile.Source  // scenario files beside the topics
	Summaries   []scenariofile.Summary // of the scenarios in Files
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

// Description is the name of the suite.
const Description = "harness"

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

// ginkgoConfig is the same in the preview and in each worker, so that spec
// indexes mean the same everywhere.
func (j Job) ginkgoConfig() (types.SuiteConfig, types.ReporterConfig) {
	suite, reporter := ginkgo.GinkgoConfiguration()
	suite.RandomSeed = j.Runner.Seed
	suite.LabelFilter = j.LabelFilter
	suite.FailFast = j.FailFast
	suite.GracePeriod = 5 * time.Second
	suite.OutputInterceptorMode = "none" // a pipe for each spec, and scenarios print nothing
	reporter.NoColor = true
	return suite, reporter
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

// PreviewSpecs declares the topics and returns the planned specs, grouped by target in the
// order of the targets: what takes long can come first.
// It may be called once in a process, and runs nothing. In a zoo a broken target is
// played to by one worker: others would have to learn again how it hangs or spins. Broken
// targets come first there, because at the end idle workers can share only the others.
func (j Job) PreviewSpecs(topics []Topic) []coordinator.Spec {
	j.declareTopics(topics, j.newRegistry())
	suite, reporter := j.ginkgoConfig()
	specs := coordinator.PlanSpecs(ginkgo.PreviewSpecs(Description, suite, reporter))
	for i := range specs {
		specs[i].Group = specTarget(specs[i].Preview)
		specs[i].Whole = slices.ContainsFunc(j.Targets, func(t scenario.Target) bool {
			return t.Name == specs[i].Group && (needsOneWorker(t) || j.Runner.Zoo && t.Planted != "")
		})
	}
	at := map[string]int{}
	for i, t := range j.Targets {
		at[t.Name] = i
	}
	slices.SortStableFunc(specs, func(a, b coordinator.Spec) int {
		return cmp.Or(cmp.Compare(j.zooRank(a), j.zooRank(b)), cmp.Compare(at[a.Group], at[b.Group]))
	})
	return specs
}

// zooRank orders the specs of a zoo: those that one worker plays come first.
func (j Job) zooRank(s coordinator.Spec) int {
	if j.Runner.Zoo && !s.Whole {
		return 1
	}
	return 0
}

// needsOneWorker reports whether a second process of the server, in another worker,
// may want the port of the first, or whether workers that talk to the same server may
// disturb each other.
func needsOneWorker(t scenario.Target) bool {
	server := t.Server
	return server.Address != "" && t.State != scenario.StateConnection || len(server.Command) > 0 && !t.ServerCommand().TakesAddress()
}

func (j Job) declareTopics(topics []Topic, b *Registry) {
	byName := slices.SortedFunc(slices.Values(topics), func(a, b Topic) int { return cmp.Compare(a.Name, b.Name) })
	for _, t := range byName {
		if len(j.Topics) == 0 || slices.Contains(j.Topics, t.Name) {
			b.DeclareTopic(t.Name, t.List()...)
		}
	}
}

// specTarget returns the target of a spec, from the name that SpecName gave it.
func specTarget(r types.SpecReport) string {
	_, name, _ := strings.Cut(r.LeafNodeText, " on ")
	return name
}

// RunWorker is a worker process: it joins the coordinator that started it, and runs
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
	formatter.ColorableStdOut = io.Discard
	topics = j.withFiles(topics)
	j.declareTopics(topics, b)
	ahead := func(ctx context.Context) ([]pair, error) {
		names, err := worker.SpecsAhead(ctx)
		return b.findPairs(names), err
	}
	if j.Ahead { // else all the calls would be for nothing: a tenth of what the workers of a zoo cost
		b.parallel.tasks.Go(func() { b.parallel.followAhead(ahead) })
	}
	b.onBegin = func(ctx context.Context) {
		gomega.Expect(worker.ReportStarted(ctx, ginkgo.CurrentSpecReport())).To(gomega.Succeed())
		b.parallel.refillAhead(ctx, ahead)
	}
	gomega.RegisterFailHandler(ginkgo.Fail)
	suite, reporter := j.ginkgoConfig()
	worker.ConfigureSuite(&suite)
	if !ginkgo.RunSpecs(verdict{}, Description, suite, reporter) {
		return outcome.ExitVerdicts
	}
	return outcome.ExitOK
}

// verdict is what RunSpecs wants of a *testing.T. It returns the same as a bool.
type verdict struct{}

// Fail implements ginkgo.GinkgoTestingT.
func (verdict) Fail() {}

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
