package runner

import (
	"fmt"
	"strings"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/toxics"
)

// mostEvents bounds the timeline that a result carries.
const mostEvents = 200

// judge folds an observation into the result: invalid when a fault has not
// struck, else what the expectations say.
func judge(r *outcome.Result, v scenario.Variant, o scenario.Observation) {
	r.Ending = outcome.Endings{Client: o.Ending(event.Client), Server: o.Ending(event.Server)}
	r.Notes = notes(o.Events)
	r.Verdict = outcome.Pass
	problem, reason := scenario.Judge(o, v.Expect), unproven(v, o)
	switch {
	case reason != "" && o.Crash == nil:
		r.Verdict, r.Message = outcome.Invalid, reason
		if problem != nil {
			r.Message += "; besides: " + problem.Error()
		}
	case problem != nil:
		// A server that has died is to blame whether the rest of the fault struck or not.
		r.Verdict, r.Message = outcome.Fail, problem.Error()
	}
	if r.Verdict != outcome.Pass {
		r.Events = o.Events[:min(len(o.Events), mostEvents)]
		if o.Client != nil {
			r.Stderr = string(o.Client.Stderr)
		}
	}
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
