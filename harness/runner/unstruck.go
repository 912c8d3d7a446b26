package runner

import (
	"fmt"
	"slices"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/rig"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/toxics/spec"
)

// invalidReason says why the variant did not happen as meant, or "".
func invalidReason(v scenario.Variant, o scenario.Observation) string {
	if reason := describeUnstruck(v.Faults, o); reason != "" {
		if o.PastProxy > 0 {
			reason += "; " + rig.SayPastProxy(o.PastProxy)
		}
		return reason
	}
	if v.Proof != nil {
		if err := v.Proof(o); err != nil {
			return err.Error()
		}
	}
	return ""
}

// describeUnstruck says which fault has not taken effect and how far its stream got.
func describeUnstruck(faults []spec.Spec, o scenario.Observation) string {
	for _, f := range faults {
		if o.HasStruck(f) {
			continue
		}
		if why := whyCannotStrike(f, o.Events); why != "" {
			return fmt.Sprintf("the fault %s cannot strike here: %s", faultName(f), why)
		}
		return fmt.Sprintf("the fault %s did not strike: the connection carried %s %s and ended by client: %s, server: %s",
			faultName(f), plural.Count(o.CarriedBytes(f.Direction), "byte"), f.Direction, o.SideEnding(event.Client).Text(), o.SideEnding(event.Server).Text())
	}
	return ""
}

// whyCannotStrike returns the reason that the toxic of a fault has given, or "".
func whyCannotStrike(f spec.Spec, events []event.Event) string {
	for _, e := range events {
		if e.Kind == event.CannotStrike && e.Toxic == f.Name {
			return e.Detail
		}
	}
	return ""
}

// shortBeforeFault reports whether the peer under test left a message unfinished before the fault could
// strike. A window that is small from the first byte on is enough for a short write.
func shortBeforeFault(faults []spec.Spec, o scenario.Observation) bool {
	return slices.ContainsFunc(faults, func(f spec.Spec) bool {
		return isWindowOf(f, o) && !o.HasStruck(f) && endsInsideMessage(o)
	})
}

// isWindowOf reports whether a fault is a small window for what the peer under test sends.
func isWindowOf(f spec.Spec, o scenario.Observation) bool {
	return f.Type == "small_window" && f.Direction == o.Case.Outgoing().Direction
}

// endsInsideMessage reports whether what the peer under test has sent ends inside one of its messages.
func endsInsideMessage(o scenario.Observation) bool {
	sent := o.Case.Outgoing()
	carried := o.CarriedBytes(sent.Direction)
	return carried > 0 && len(sent.MessageEnds) > 0 && carried < sent.MessageEnds[len(sent.MessageEnds)-1] && !slices.Contains(sent.MessageEnds, carried)
}

// lossBeforeFault says that a peer that loses bytes in a small window never comes to the place of
// another fault; empty: it is not so.
func lossBeforeFault(faults []spec.Spec, o scenario.Observation) string {
	side, end := o.Case.Role.ProxySide(), o.FirstEnding()
	narrowed := slices.ContainsFunc(faults, func(f spec.Spec) bool { return isWindowOf(f, o) && o.HasStruck(f) })
	if !narrowed || end == nil || end.Side != side || !endsInsideMessage(o) {
		return ""
	}
	for _, f := range faults {
		if o.HasStruck(f) {
			continue
		}
		return fmt.Sprintf("%v: the %s leaves a message unfinished in a small window (%s were sent), so it does not come to the fault %s; see partialsend/short-write",
			scenario.ErrUnsupported, side, plural.Count(o.CarriedBytes(f.Direction), "byte"), faultName(f))
	}
	return ""
}

// faultName names a fault and the place where it was to strike.
func faultName(f spec.Spec) string {
	if f.At.IsZero() {
		return f.Name
	}
	return fmt.Sprintf("%s at %v", f.Name, f.At)
}
