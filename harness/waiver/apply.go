package waiver

import (
	"fmt"
	"strings"
	"time"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/plural"
)

// A Scope is what waivers may speak of: without it, one that is outside of what
// a narrowed run played could not be told from one that matches nothing.
type Scope struct {
	Specs []Spec    // every scenario on every target, whether it was selected or not
	Today time.Time // the day on which waivers must hold
	// More says that there may be scenarios that are not among Specs: those of files that
	// were not read. A waiver of a topic that Specs does not have is no mistake then.
	More bool
}

// hasTopic reports whether one of the scenarios has the topic that the pattern begins with.
func (s Scope) hasTopic(p Pattern) bool {
	topic, _, named := strings.Cut(string(p), "/")
	if !named {
		return true
	}
	for _, spec := range s.Specs {
		if strings.HasPrefix(spec.Scenario, topic+"/") {
			return true
		}
	}
	return false
}

// A Spec is one scenario on one target.
type Spec struct {
	Target, Scenario string // name of the target, id of the scenario
	Played           bool   // to its end, with all its variants
}

// A state is what the run makes of a waiver.
type state int

const (
	idle      state = iota // nothing is known: not played, blocked, unsupported
	used                   // something fails, as it says
	stale                  // everything passes
	unmatched              // there is no such thing
	expired                // its day has passed, and something fails still
)

// A finding is a waiver with what became of it.
type finding struct {
	Waiver
	state  state
	hits   int // failing results that it speaks of
	passes int
	only   *Spec // the one spec that it speaks of; nil: several
}

// judgeWaiver compares a waiver with what was played.
func (w Waiver) judgeWaiver(d outcome.Run, s Scope) finding {
	f := finding{Waiver: w}
	specs, played := 0, true
	for _, spec := range s.Specs {
		if !w.speaksOf(spec.Target, spec.Scenario) {
			continue
		}
		specs++
		played = played && spec.Played
		f.only = &spec
	}
	if specs != 1 {
		f.only = nil
	}
	ran, unclear := 0, false
	for _, r := range d.Results {
		if !w.appliesTo(r) {
			continue
		}
		ran++
		unclear = unclear || r.Verdict == outcome.Blocked || r.Verdict == outcome.Invalid
		if w.waivesResult(r) {
			f.hits++
		} else if r.Verdict == outcome.Pass || isFailing(r) { // a failure of another check
			f.passes++
		}
	}
	if specs == 0 && s.More && !s.hasTopic(w.Scenario) {
		return f // idle: it may be in another file
	}
	f.state = f.concludeState(specs, ran, played, unclear, s.Today)
	return f
}

func (f finding) concludeState(specs, ran int, played, unclear bool, today time.Time) state {
	late := f.hasExpired(today)
	switch {
	case specs == 0:
		return unmatched
	case f.hits > 0 && late:
		return expired
	case f.hits > 0:
		return used
	case played && ran == 0 && f.Variant != "":
		return unmatched
	case played && !unclear && f.passes > 0:
		return stale
	case late && ran > 0:
		return expired
	}
	return idle
}

func (f File) judgeAll(d outcome.Run, s Scope) []finding {
	findings := make([]finding, len(f.Waivers))
	for i, w := range f.Waivers {
		findings[i] = w.judgeWaiver(d, s)
	}
	return findings
}

// ApplyTo returns the document in which every failing result that a waiver speaks
// of is waived, and in which each waiver that is stale, unmatched or expired has
// a result of verdict stale. What is blocked or invalid is never waived.
func (f File) ApplyTo(d outcome.Run, s Scope) outcome.Run {
	findings := f.judgeAll(d, s)
	results := make([]outcome.Result, 0, len(d.Results))
	for _, r := range d.Results {
		results = append(results, f.waiveResult(r, findings))
	}
	for _, finding := range findings {
		if complaint := finding.complaintText(f.Path); complaint != "" {
			results = append(results, finding.asResult(complaint))
		}
	}
	return d.WithResults(results)
}

// AcceptResults returns the results in which each that fails and that a waiver speaks
// of is waived. Whether a waiver is still true is for [File.ApplyTo], which sees
// the whole run.
func (f File) AcceptResults(results []outcome.Result, today time.Time) []outcome.Result {
	findings := f.judgeAll(outcome.Run{Results: results}, Scope{Today: today})
	for i, w := range findings {
		if w.hits > 0 && !w.hasExpired(today) {
			findings[i].state = used
		}
	}
	out := make([]outcome.Result, 0, len(results))
	for _, r := range results {
		out = append(out, f.waiveResult(r, findings))
	}
	return out
}

func (f File) waiveResult(r outcome.Result, findings []finding) outcome.Result {
	for _, w := range findings {
		if w.state != used || !w.waivesResult(r) {
			continue
		}
		r.Message = strings.TrimRight(r.Message, "\n") + fmt.Sprintf("\n%s by %s:%d: %s", waivedText(r), f.Path, w.Line, w.reasonText())
		r.Verdict = outcome.Waived
		return r
	}
	return r
}

func waivedText(r outcome.Result) string {
	if r.Verdict == outcome.Flaky {
		return "flaky; waived"
	}
	return "waived"
}

// reasonText tells the reason, the issue and the last day.
func (w Waiver) reasonText() string {
	text := w.Reason
	if w.Issue != "" {
		text += ", " + w.Issue
	}
	if w.Expires != "" {
		text += ", until " + w.Expires
	}
	return text
}

// complaintText says what is wrong with the waiver and what to do, or nothing.
func (f finding) complaintText(path string) string {
	place := fmt.Sprintf("%s:%d", path, f.Line)
	switch f.state {
	case stale:
		return fmt.Sprintf("%s expects a failure (%s), but %s; delete the entry, or run with --update-waivers", place, f.Reason, passingText(f.passes))
	case unmatched:
		return fmt.Sprintf("%s matches nothing: there is no %s; correct the entry, delete it, or run with --update-waivers", place, f.subjectName())
	case expired:
		return fmt.Sprintf("%s expired on %s (%s), and %s; fix the failure, or set a later day", place, f.Expires, f.Reason, failingStill(f.hits))
	}
	return ""
}

func passingText(n int) string {
	if n == 1 {
		return "it passes"
	}
	return fmt.Sprintf("all %s pass", plural.Count(n, "result"))
}

func failingStill(n int) string {
	switch n {
	case 0:
		return "it did not run this time"
	case 1:
		return "it still fails"
	}
	return fmt.Sprintf("%s still fail", plural.Count(n, "result"))
}

func (f finding) subjectName() string {
	text := fmt.Sprintf("scenario %q on a target %q", string(f.Scenario), string(f.Target))
	if f.Variant != "" {
		text = fmt.Sprintf("variant %q of ", string(f.Variant)) + text
	}
	return text
}

// asResult is the result that stands for a waiver which is not true any more.
func (f finding) asResult(complaint string) outcome.Result {
	r := outcome.Result{Target: string(f.Target), Scenario: string(f.Scenario), Variant: string(f.Variant), Check: string(f.Check),
		Level: outcome.Must, Verdict: outcome.Stale, Message: complaint}
	if f.only != nil {
		r.Target, r.Scenario = f.only.Target, f.only.Scenario
	}
	return r
}
