package runner

import (
	"errors"
	"fmt"
	"strings"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/sock"
)

// maxEvents bounds the timeline that a result carries.
const maxEvents = 200

// judgeAttempt puts an observation into the result: invalid if a fault has not struck, else what the
// expectations and the default oracles say. It returns the violations of oracles of a lower level,
// which get results of their own, and whether anything was not as expected, also if the result is
// invalid.
func judgeAttempt(r *outcome.Result, v scenario.Variant, o scenario.Observation) (lesser []scenario.Violation, unexpected bool) {
	addDescription(r, o)
	if err := o.RunError; errors.Is(err, scenario.ErrUnsupported) || errors.Is(err, sock.ErrUnsupported) {
		r.Verdict, r.Message = outcome.Unsupported, err.Error()
		return nil, false
	}
	problem, reason := scenario.JudgeObservation(o, v.Expect), invalidReason(v, o)
	if problem != nil && shortBeforeFault(v.Faults, o) {
		reason = ""
	}
	if loss := lossBeforeFault(v.Faults, o); reason != "" && problem == nil && loss != "" {
		r.Verdict, r.Message = outcome.Unsupported, loss
		return nil, false
	}
	r.Verdict = outcome.Pass
	switch {
	case reason != "" && !o.ServerDied():
		r.Verdict, r.Message = outcome.Invalid, reason
		if problem != nil {
			r.Message += "; besides: " + problem.Error()
		}
	case problem != nil:
		// A server that has died has failed, whether the rest of the fault struck or not.
		r.Verdict, r.Message = outcome.Fail, problem.Error()
	}
	if r.Verdict != outcome.Pass && o.Shifted && !o.ServerDied() {
		r.Verdict, r.Message = outcome.Unsupported, "a captured value had another length than in the run without a fault, so the fault struck at another place"
		return nil, false
	}
	if r.Verdict == outcome.Invalid && len(v.Profile) > 0 {
		r.Verdict, r.Message = outcome.Unsupported, "the profile undoes what this variant is about: "+reason
		return nil, false
	}
	if r.Verdict != outcome.Invalid {
		lesser = applyViolations(r, scenario.FindViolations(o))
	}
	if merged := mergedBoundary(o.Events); r.Verdict == outcome.Pass && merged != "" {
		r.Verdict, r.Message = outcome.Invalid, merged
	}
	addRemarks(r, v, o)
	if r.Verdict != outcome.Pass || len(lesser) > 0 {
		addEvidence(r, o)
	}
	if r.Verdict == outcome.Fail {
		r.Cause = commonCause(r, o)
	}
	return lesser, problem != nil || r.Verdict == outcome.Fail
}

// addRemarks adds what the target does not declare: what the expectations say of it, and the
// declaration that a failure of a lower level than the scenario's asks for.
func addRemarks(r *outcome.Result, v scenario.Variant, o scenario.Observation) {
	if r.Verdict == outcome.Invalid {
		return
	}
	r.Remarks = scenario.CollectRemarks(o, v.Expect)
	if r.Verdict == outcome.Fail && r.Check == "" && v.Declare != "" {
		first, _, _ := strings.Cut(r.Message, "\n")
		r.Remarks = append(r.Remarks, outcome.Remark{Text: first, Declare: v.Declare})
	}
}

// addDescription adds what belongs to each verdict.
func addDescription(r *outcome.Result, o scenario.Observation) {
	r.Ending = outcome.Endings{Client: o.SideEnding(event.Client), Server: o.SideEnding(event.Server)}
	r.Notes = faultNotes(o.Events)
	if o.Case.Slow != "" {
		r.Notes = append(r.Notes, o.Case.Slow)
	}
	if note := o.Case.Conversation.Output.ComparisonNote(); note != "" && o.Client != nil {
		r.Notes = append(r.Notes, note)
	}
	if e := o.FirstEnding(); e != nil {
		r.First = &outcome.FirstEnd{Side: e.Side, Ending: event.EOF, At: outcome.MillisOf(e.At)}
		if e.Kind == event.RST {
			r.First.Ending = event.Reset
		}
	}
}

// addEvidence adds what only a failure needs.
func addEvidence(r *outcome.Result, o scenario.Observation) {
	r.Events = o.Events[:min(len(o.Events), maxEvents)]
	if o.Client != nil {
		r.Stderr = string(o.Client.Stderr)
	} else {
		r.Stderr = string(o.ServerStderr)
	}
}

// applyViolations puts the violations of at least the result's level into the result
// and returns the others. What the message says already is not said again.
func applyViolations(r *outcome.Result, all []scenario.Violation) (lesser []scenario.Violation) {
	for _, v := range all {
		switch {
		case strings.Contains(r.Message, v.Err.Error()):
		case !v.Level.AtLeast(r.Level):
			lesser = append(lesser, v)
		case r.Verdict == outcome.Fail && v.Restates:
		case r.Verdict == outcome.Fail:
			r.Message += fmt.Sprintf("\n%s: %v", v.Oracle, v.Err)
		default:
			r.Verdict, r.Check, r.Level, r.Message = outcome.Fail, v.Oracle, v.Level, v.Err.Error()
		}
	}
	return lesser
}

// mergedBoundary says which segment boundary the receiver is known not to have seen: it read both
// pieces at once. It is empty where all were seen.
func mergedBoundary(events []event.Event) string {
	for _, e := range events {
		if e.Kind == event.BoundaryRead && strings.HasPrefix(e.Detail, "merged") {
			return fmt.Sprintf("the %s read both segments at once (split at byte %d): %s", e.Side, e.Offset, e.Detail)
		}
	}
	return ""
}

// faultNotes tells how faults were applied, each distinct remark once.
func faultNotes(events []event.Event) []string {
	var out []string
	seen := map[string]bool{}
	add := func(s string) {
		if s != "" && !seen[s] {
			seen[s] = true
			out = append(out, s)
		}
	}
	verified := 0
	for _, e := range events {
		switch {
		case e.Kind == event.Struck && e.Toxic == event.ByScenario:
			add(e.Detail)
		case e.Kind == event.Struck && e.Detail != "":
			add(fmt.Sprintf("%s at byte %d: %s", e.Toxic, e.Offset, e.Detail))
		case e.Kind == event.BoundaryRead && strings.HasPrefix(e.Detail, "unverified"):
			add(e.Detail)
		case e.Kind == event.BoundaryRead:
			verified++
		}
	}
	if verified > 0 {
		add(fmt.Sprintf("verified segment boundaries: %d (the receiver read each segment separately)", verified))
	}
	return out
}
