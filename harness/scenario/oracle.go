package scenario

import (
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/toxics"
	"github.com/sockharness/harness/toxics/spec"
)

// An Oracle is a rule that needs no knowledge of the protocol. Every scenario is
// held against all of them, beside what it expects itself; a target may switch
// one off or give it another level.
type Oracle struct {
	Name      string        // its name in results and in harness.yaml
	Title     string        // one line: what a correct peer does
	Rationale string        // why that matters, and how it is told
	Ref       string        // RFC or man page
	Level     outcome.Level // what a violation costs
	Roles     []Role        // whom it is asked about
	// Restates is set where a scenario that looks at the conversation itself says
	// the same: nothing is added to what it says.
	Restates bool
	// Check returns nil, or what was seen instead. It is asked about each
	// variant, and once more about the whole scenario ([Observation.LeakRounds]).
	Check func(Observation) error
}

// DefaultOracles lists the default oracles, in the order of pages and reports.
func DefaultOracles() []Oracle {
	return append(serverOracles(), clientOracles()...)
}

// FindOracle returns the oracle of that name.
func FindOracle(name string) (Oracle, bool) {
	for _, o := range DefaultOracles() {
		if o.Name == name {
			return o, true
		}
	}
	return Oracle{}, false
}

// AppliesTo reports whether the oracle is for peers of role r.
func (o Oracle) AppliesTo(r Role) bool { return Scenario{Roles: o.Roles}.AppliesTo(r) }

// A Violation is an oracle that does not hold.
type Violation struct {
	Oracle   string        // name of the oracle; empty: an expectation of the scenario
	Level    outcome.Level // what it costs
	Restates bool          // see [Oracle]
	Err      error         // what was seen
}

// FindViolations returns the oracles that the observation breaks, as far as the
// target has not switched them off.
func FindViolations(o Observation) []Violation {
	var out []Violation
	for _, oracle := range DefaultOracles() {
		level := o.Case.Target.oracleLevel(oracle)
		if level == "" || !oracle.AppliesTo(o.Case.Role) {
			continue
		}
		if err := oracle.Check(o); err != nil {
			out = append(out, Violation{oracle.Name, level, oracle.Restates, err})
		}
	}
	return out
}

// Off, as the level of an oracle in a target, switches it off.
const Off outcome.Level = "off"

// OracleEnabled reports whether the oracle of that name counts anything for the target.
func (t Target) OracleEnabled(oracle string) bool {
	o, ok := FindOracle(oracle)
	return ok && t.oracleLevel(o) != ""
}

// oracleLevel returns what the oracle counts for the target, "" for nothing.
func (t Target) oracleLevel(o Oracle) outcome.Level {
	switch level := t.Oracles[o.Name]; level {
	case "":
		return o.Level
	case Off:
		return ""
	default:
		return level
	}
}

// IsHarmless reports whether nothing of the variant may change what is said: its
// faults, if it has any, move only boundaries, and time by moments.
func (o Observation) IsHarmless() bool {
	if o.Ran || o.AcceptMode != Accepting || o.NoEnd {
		return false
	}
	for _, f := range o.Faults {
		if !isHarmlessFault(f) {
			return false
		}
	}
	return true
}

func isHarmlessFault(f spec.Spec) bool {
	kind, _ := toxics.FindKind(f.Type)
	return kind.Prompt
}
