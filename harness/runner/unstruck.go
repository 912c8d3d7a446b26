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
	for _, f := range faults {
		if f.Type != "small_window" || o.HasStruck(f) || f.Direction != o.Case.Outgoing().Direction {
			continue
		}
		carried := o.CarriedBytes(f.Direction)
		ends := o.Case.Outgoing().MessageEnds
		if carried > 0 && len(ends) > 0 && carried < ends[len(ends)-1] && !slices.Contains(ends, carried) {
			return true
		}
	}
	return false
}

// faultName names a fault and the place where it was to strike.
func faultName(f spec.Spec) string {
	if f.At.IsZero() {
		return f.Name
	}
	return fmt.Sprintf("%s at %v", f.Name, f.At)
}
