package runner

import (
	"errors"
	"fmt"
	"strings"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/sock"
	"github.com/sockharness/harness/toxics"
)

// mostEvents bounds the timeline that a result carries.
const mostEvents = 200

// judge folds an observation into the result: invalid when a fault has not
// struck, else what the expectations and the default oracles say. An oracle of
// less than the result's level is returned, for a result of its own, and whether
// anything was not as expected, be the result invalid or not.
func judge(r *outcome.Result, v scenario.Variant, o scenario.Observation) (lesser []scenario.Violation, unexpected bool) {
	describe(r, o)
	if err := o.ActError; errors.Is(err, scenario.ErrUnsupported) || errors.Is(err, sock.ErrUnsupported) {
		r.Verdict, r.Message = outcome.Unsupported, err.Error()
		return nil, false
	}
	problem, reason := scenario.Judge(o, v.Expect), unproven(v, o)
	r.Verdict = outcome.Pass
	switch {
	case reason != "" && !o.Died():
		r.Verdict, r.Message = outcome.Invalid, reason
		if problem != nil {
			r.Message += "; besides: " + problem.Error()
		}
	case problem != nil:
		// A server that has died is to blame whether the rest of the fault struck or not.
		r.Verdict, r.Message = outcome.Fail, problem.Error()
	}
	if r.Verdict != outcome.Invalid {
		lesser = violated(r, scenario.Violations(o))
	}
	if glued := glued(o.Events); r.Verdict == outcome.Pass && glued != "" {
		r.Verdict, r.Message = outcome.Invalid, glued
	}
	if r.Verdict != outcome.Pass || len(lesser) > 0 {
		evidence(r, o)
	}
	return lesser, problem != nil || r.Verdict == outcome.Fail
}

// describe tells what holds whatever the verdict is.
func describe(r *outcome.Result, o scenario.Observation) {
	r.Ending = outcome.Endings{Client: o.Ending(event.Client), Server: o.Ending(event.Server)}
	r.Notes = notes(o.Events)
	if o.Case.Slow != "" {
		r.Notes = append(r.Notes, o.Case.Slow)
	}
	if note := o.Case.Conversation.Output.Note(); note != "" && o.Client != nil {
		r.Notes = append(r.Notes, note)
	}
	if e := o.First(); e != nil {
		r.First = &outcome.FirstEnd{Side: e.Side, Ending: event.EOF, At: outcome.MillisOf(e.At)}
		if e.Kind == event.RST {
			r.First.Ending = event.Reset
		}
	}
}

// evidence adds what only a failure is worth.
func evidence(r *outcome.Result, o scenario.Observation) {
	r.Events = o.Events[:min(len(o.Events), mostEvents)]
	if o.Client != nil {
		r.Stderr = string(o.Client.Stderr)
	} else {
		r.Stderr = string(o.ServerStderr)
	}
}

// violated puts the violations of at least the result's level into the result
// and returns the others. What the message says already is not said again.
func violated(r *outcome.Result, all []scenario.Violation) (lesser []scenario.Violation) {
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

// glued says which segment boundary the receiver is known not to have seen: it
// read what was to come in two pieces at once. Empty where there is none.
func glued(events []event.Event) string {
	for _, e := range events {
		if e.Kind == event.Deliver && strings.HasPrefix(e.Detail, "glued") {
			return fmt.Sprintf("the boundary at byte %d was none for the %s: %s", e.Offset, e.Side, e.Detail)
		}
	}
	return ""
}

// unproven says why the variant did not happen as meant, or "".
func unproven(v scenario.Variant, o scenario.Observation) string {
	if reason := unstruck(v.Faults, o); reason != "" {
		return reason
	}
	if v.Proof != nil {
		if err := v.Proof(o); err != nil {
			return err.Error()
		}
	}
	return ""
}

// unstruck says which fault has not taken effect and how far its stream got.
func unstruck(faults []toxics.Spec, o scenario.Observation) string {
	for _, f := range faults {
		if struck(f, o.Struck()) {
			continue
		}
		return fmt.Sprintf("the fault %s did not strike: the connection carried %d bytes %s and ended by client: %s, server: %s",
			faultName(f), o.Carried(f.Direction), f.Direction, ending(o.Ending(event.Client)), ending(o.Ending(event.Server)))
	}
	return ""
}

// faultName names a fault and the place where it was to strike.
func faultName(f toxics.Spec) string {
	if f.At.IsZero() {
		return f.Name
	}
	return fmt.Sprintf("%s at %v", f.Name, f.At)
}

func struck(f toxics.Spec, events []event.Event) bool {
	for _, e := range events {
		if e.Toxic == f.Name {
			return true
		}
	}
	return false
}

func ending(e event.Ending) string {
	if e == event.Open {
		return "open"
	}
	return string(e)
}

// notes tells how faults were applied, each distinct remark once.
func notes(events []event.Event) []string {
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
		case e.Kind == event.Struck && e.Detail != "":
			add(fmt.Sprintf("%s at byte %d: %s", e.Toxic, e.Offset, e.Detail))
		case e.Kind == event.Deliver && strings.HasPrefix(e.Detail, "unverified"):
			add(e.Detail)
		case e.Kind == event.Deliver:
			verified++
		}
	}
	if verified > 0 {
		add(fmt.Sprintf("%d segment boundaries verified as read", verified))
	}
	return out
}
