// Package suite is the Ginkgo face of the harness: it turns topics into
// containers, scenarios into specs and results into failures. Suites are
// written against it; the command runs them through it.
//
//	topic := suite.Topic{Name: "eof", List: eof.Scenarios}
//	specs := job.PlanSpecs([]suite.Topic{topic})           // in the parent
//	status := job.RunWorker([]suite.Topic{topic}, os.Stderr) // in a worker
package suite

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/ginkgo/v2/types"

	"github.com/sockharness/harness/harness/coordinator"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/waiver"
)

// EntryName is that of the report entry in which a spec leaves its results, as
// JSON of []outcome.Result.
const EntryName = "harness/results"

// A ScenarioRunner plays a scenario to a target; *runner.Runner is one.
type ScenarioRunner interface {
	RunScenario(context.Context, scenario.Target, scenario.Scenario) []outcome.Result
}

// A Registry is what topics declare their containers on: the targets, and who
// plays to them.
type Registry struct {
	Targets []scenario.Target // what is tested
	Player  ScenarioRunner    // nil in a preview, whose specs do not run
	Timeout time.Duration     // of one scenario on one target; 0: one minute
	Levels  []outcome.Level   // only scenarios of these levels; empty: all
	Waivers waiver.File       // what they accept fails no spec; results stay as they are
	// Focus and Skip choose by [SpecName]: any of Focus, if there is one, and none
	// of Skip. Ginkgo's own match "topic id on target", where ^ is of little use.
	Focus, Skip []*regexp.Regexp

	parallel *parallelRuns // of a worker
}

// A Topic is one container of scenarios.
type Topic = scenario.Topic

// DeclareTopic declares a container with one spec for each scenario on each target
// that it is for. It must be called while Ginkgo builds its tree. The specs come in the
// order of their names: Ginkgo sorts them so, at a cost that is a quarter of a preview
// unless they are in order.
func (b *Registry) DeclareTopic(name string, scenarios ...scenario.Scenario) {
	pairs := b.sortedPairs(scenarios)
	ginkgo.Describe(name, func() {
		for _, p := range pairs {
			b.declareSpec(p)
		}
	})
}

// specsOf returns the same specs as a plan has them.
func (b *Registry) specsOf(topic string, scenarios []scenario.Scenario) []coordinator.Spec {
	here := types.NewCodeLocation(0) // of playSpec, too: where a worker is that does not end
	pairs := b.sortedPairs(scenarios)
	specs := make([]coordinator.Spec, len(pairs))
	for i, p := range pairs {
		specs[i] = coordinator.Spec{Name: topic + " " + p.name, Group: p.target.Name, Preview: types.SpecReport{
			ContainerHierarchyTexts: []string{topic}, ContainerHierarchyLocations: []types.CodeLocation{here}, ContainerHierarchyLabels: [][]string{nil},
			LeafNodeType: types.NodeTypeIt, LeafNodeText: p.name, LeafNodeLocation: here, LeafNodeLabels: SpecLabels(*p.target, *p.scenario)}}
	}
	return specs
}

// sortedPairs returns them in the order of their names.
func (b *Registry) sortedPairs(scenarios []scenario.Scenario) []pair {
	pairs := b.pairsOf(scenarios)
	slices.SortFunc(pairs, func(a, b pair) int { return cmp.Compare(a.name, b.name) })
	return pairs
}

// pairsOf returns the scenarios with the targets that they are for.
func (b *Registry) pairsOf(scenarios []scenario.Scenario) (pairs []pair) {
	for i := range scenarios {
		for j := range b.Targets {
			s, t := &scenarios[i], &b.Targets[j] // by address: there may be thousands of specs
			if name := SpecName(*t, *s); s.Fits(*t) && b.wantsLevel(s.Level) && b.isChosen(name) {
				pairs = append(pairs, pair{name, t, s})
			}
		}
	}
	return pairs
}

// A pair is what one spec is about.
type pair struct {
	name     string
	target   *scenario.Target
	scenario *scenario.Scenario
}

func (b *Registry) wantsLevel(level outcome.Level) bool {
	if len(b.Levels) == 0 {
		return true
	}
	for _, l := range b.Levels {
		if l == level {
			return true
		}
	}
	return false
}

func (b *Registry) isChosen(name string) bool {
	matches := func(e *regexp.Regexp) bool { return e.MatchString(name) }
	return (len(b.Focus) == 0 || slices.ContainsFunc(b.Focus, matches)) && !slices.ContainsFunc(b.Skip, matches)
}

// declareSpec declares the spec of one scenario on one target.
func (b *Registry) declareSpec(p pair) {
	ginkgo.It(p.name, SpecLabels(*p.target, *p.scenario), ginkgo.SpecTimeout(b.timeLimit()+timeoutGrace), func(ctx ginkgo.SpecContext) {
		results := b.playPair(ctx, b.Player, p)
		text, err := encodeResults(results)
		if err != nil {
			ginkgo.Fail(err.Error())
		}
		ginkgo.AddReportEntry(EntryName, text, ginkgo.ReportEntryVisibilityNever)
		if accepted := b.Waivers.AcceptResults(results, time.Now()); len(redResults(accepted)) > 0 {
			ginkgo.Fail(green{}.FailureMessage(accepted))
		}
	})
}

// playSpec is the same in a worker, without Ginkgo.
func (b *Registry) playSpec(ctx context.Context, p pair) (what coordinator.Played) {
	defer func() {
		if v := recover(); v != nil {
			what = coordinator.Played{State: types.SpecStatePanicked, Failure: fmt.Sprintf("panic: %v\n%s", v, debug.Stack())}
		}
	}()
	results := b.parallel.playNow(ctx, p)
	text, err := encodeResults(results)
	if err != nil {
		return coordinator.Played{State: types.SpecStateFailed, Failure: err.Error()}
	}
	what = coordinator.Played{State: types.SpecStatePassed, Entry: EntryName, Value: text}
	if accepted := b.Waivers.AcceptResults(results, time.Now()); len(redResults(accepted)) > 0 {
		what.State, what.Failure = types.SpecStateFailed, green{}.FailureMessage(accepted)
	}
	return what
}

// timeLimit is the time of one scenario on one target.
func (b *Registry) timeLimit() time.Duration {
	if b.Timeout <= 0 {
		return time.Minute
	}
	return b.Timeout
}

// playPair plays a scenario to a target within its time.
func (b *Registry) playPair(ctx context.Context, player ScenarioRunner, p pair) []outcome.Result {
	t, s, timeout := *p.target, *p.scenario, b.timeLimit()
	limited, cancel := context.WithTimeoutCause(ctx, timeout, errTimeout)
	defer cancel()
	results := player.RunScenario(limited, t, s)
	if timedOut(limited) && len(redResults(results)) == 0 {
		results = append(results, unfinishedResult(t, s, timeout, len(results)))
	}
	return results
}

// errTimeout is the cause of the end of a scenario's time.
var errTimeout = errors.New("the scenario's time is over")

// timeoutGrace is how much later Ginkgo ends a scenario that does not end by itself.
const timeoutGrace = 10 * time.Second

// timedOut tells the end of a scenario's time from ^C and from the end of the run:
// those are nothing that a scenario could be blamed for.
func timedOut(ctx context.Context) bool { return errors.Is(context.Cause(ctx), errTimeout) }

// unfinishedResult is the result of a scenario that its timeout has cut short. Where some
// variants were judged, the others are only left out.
func unfinishedResult(t scenario.Target, s scenario.Scenario, timeout time.Duration, judged int) outcome.Result {
	r := outcome.Result{Target: t.Name, Scenario: s.ID, Level: s.Level, Verdict: outcome.Invalid,
		Message: fmt.Sprintf("not finished within %s; --timeout gives it more time", timeout)}
	if judged > 0 {
		r.Verdict = outcome.Unsupported
		r.Message = fmt.Sprintf("the variants that are left take longer than a scenario may, %s; --timeout gives it more time", timeout)
	}
	return r
}

func encodeResults(results []outcome.Result) (string, error) {
	text, err := json.Marshal(results)
	if err != nil {
		return "", fmt.Errorf("results encode: %w", err)
	}
	return string(text), nil
}

// SpecName is the text of the spec of one scenario on one target.
func SpecName(t scenario.Target, s scenario.Scenario) string { return s.ID + " on " + t.Name }

// SpecLabels are those of the spec: topic, scenario, level and target. What Ginkgo
// does not allow in a label, such as a slash, becomes a dash.
func SpecLabels(t scenario.Target, s scenario.Scenario) ginkgo.Labels {
	_, name, _ := strings.Cut(s.ID, "/")
	return ginkgo.Label(s.TopicName(), asLabel(name), string(s.Level), asLabel("target="+t.Name))
}

func asLabel(text string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("&|!,()/:", r) {
			return '-'
		}
		return r
	}, text)
}
