// Package suite is the Ginkgo face of the harness: it turns topics into
// containers, scenarios into specs and results into failures. Suites are
// written against it; the command runs them through it.
package suite

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/gomega"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/waiver"
)

// EntryName is that of the report entry in which a spec leaves its results, as
// JSON of []outcome.Result.
const EntryName = "harness/results"

// A Player plays a scenario to a target; *runner.Runner is one.
type Player interface {
	Run(context.Context, scenario.Target, scenario.Scenario) []outcome.Result
}

// A Bench is what topics declare their containers on: the targets, and who
// plays to them.
type Bench struct {
	Targets []scenario.Target
	Player  Player        // nil in a preview, whose specs do not run
	Timeout time.Duration // of one scenario on one target; 0: one minute
	Levels  []outcome.Level
	Waivers waiver.File // what they accept fails no spec; results stay as they are
	// Focus and Skip choose by [SpecName]: any of Focus, if there is one, and none
	// of Skip. Ginkgo's own match "topic id on target", where ^ is of little use.
	Focus, Skip []*regexp.Regexp
}

// A Topic is a function that declares the containers of one topic.
type Topic struct {
	Name    string
	Summary string
	Declare func(*Bench)
	List    func() []scenario.Scenario
}

// Topic declares a container with one spec for each scenario on each target
// that it is for. It must be called while Ginkgo builds its tree. The specs come in the
// order of their names: Ginkgo sorts them so in each worker, at a cost that is a quarter
// of the start of a worker unless they are in order.
func (b *Bench) Topic(name string, scenarios ...scenario.Scenario) {
	var pairs []pair
	for _, s := range scenarios {
		for _, t := range b.Targets {
			if name := SpecName(t, s); applies(t, s) && b.wants(s.Level) && b.chosen(name) {
				pairs = append(pairs, pair{name, t, s})
			}
		}
	}
	slices.SortFunc(pairs, func(a, b pair) int { return cmp.Compare(a.name, b.name) })
	ginkgo.Describe(name, func() {
		for _, p := range pairs {
			b.spec(p.target, p.scenario)
		}
	})
}

// A pair is what one spec is about.
type pair struct {
	name     string
	target   scenario.Target
	scenario scenario.Scenario
}

func applies(t scenario.Target, s scenario.Scenario) bool {
	for _, role := range t.Roles() {
		if s.For(role) {
			return true
		}
	}
	return false
}

func (b *Bench) wants(level outcome.Level) bool {
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

func (b *Bench) chosen(name string) bool {
	matches := func(e *regexp.Regexp) bool { return e.MatchString(name) }
	return (len(b.Focus) == 0 || slices.ContainsFunc(b.Focus, matches)) && !slices.ContainsFunc(b.Skip, matches)
}

// spec declares the spec of one scenario on one target.
func (b *Bench) spec(t scenario.Target, s scenario.Scenario) {
	timeout := b.Timeout
	if timeout <= 0 {
		timeout = time.Minute
	}
	ginkgo.It(SpecName(t, s), Labels(t, s), ginkgo.SpecTimeout(timeout), func(ctx ginkgo.SpecContext) {
		results := b.Player.Run(ctx, t, s)
		if timedOut(ctx) && len(red(results)) == 0 {
			results = append(results, unfinished(t, s, timeout))
		}
		attach(results)
		gomega.Expect(b.Waivers.Accept(results, time.Now())).To(BeGreen())
	})
}

// timedOut tells the end of a spec's time from ^C and from the end of the run:
// those are nothing that a scenario could be blamed for. Ginkgo has only words
// for it.
func timedOut(ctx context.Context) bool {
	return ctx.Err() != nil && strings.HasSuffix(context.Cause(ctx).Error(), "timeout occurred")
}

// unfinished is the result of a scenario that its timeout has cut short.
func unfinished(t scenario.Target, s scenario.Scenario, timeout time.Duration) outcome.Result {
	return outcome.Result{Target: t.Name, Scenario: s.ID, Level: s.Level, Verdict: outcome.Invalid,
		Message: fmt.Sprintf("not finished within %s", timeout)}
}

func attach(results []outcome.Result) {
	data, err := json.Marshal(results)
	if err != nil {
		ginkgo.Fail("results encode: " + err.Error())
	}
	ginkgo.AddReportEntry(EntryName, string(data), ginkgo.ReportEntryVisibilityNever)
}

// SpecName is the text of the spec of one scenario on one target.
func SpecName(t scenario.Target, s scenario.Scenario) string { return s.ID + " on " + t.Name }

// Labels are those of the spec: topic, scenario, level and target. What Ginkgo
// does not allow in a label, such as a slash, becomes a dash.
func Labels(t scenario.Target, s scenario.Scenario) ginkgo.Labels {
	_, name, _ := strings.Cut(s.ID, "/")
	return ginkgo.Label(s.Topic(), label(name), string(s.Level), label("target="+t.Name))
}

func label(text string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("&|!,()/:", r) {
			return '-'
		}
		return r
	}, text)
}
