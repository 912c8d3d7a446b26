package runner

import (
	"slices"
	"strings"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
)

// In a zoo it is no news that a broken program fails more than what its bug is planted
// for. There it is played to less, and its failures are taken as they come: what is
// judged is whether the bug is found where it is planted, and whether correct programs
// are left in peace. Two thirds of the time of a zoo went into the rest.

// impatient is by what the budget of a broken program is divided elsewhere, once it is
// known to hang: each scenario would cost all of it.
const impatient = 8

// hearsay is the note of a failure that was not confirmed.
const hearsay = "not confirmed: the bug of this program is planted elsewhere"

// elsewhere reports whether the bug of a broken program is to be found in other
// scenarios, or was found by its check already.
func (b *bench) elsewhere(s scenario.Scenario) bool {
	return b.believed(s, strings.TrimPrefix(b.target.Planted, outcome.ByCheck))
}

// sample returns those of the variants of a scenario that are played: elsewhere the
// last, which goes the furthest.
func (b *bench) sample(s scenario.Scenario, all []scenario.Variant) []scenario.Variant {
	if n := len(all); b.elsewhere(s) && n > 1 {
		all = all[n-1:]
	}
	return slices.Clone(all)
}

// believed reports whether a failure of the scenario by the check is taken as it comes.
func (b *bench) believed(s scenario.Scenario, check string) bool {
	planted := b.target.Planted
	if !b.config.Zoo || planted == "" || planted == s.ID {
		return false
	}
	return planted != outcome.ByCheck+check || b.caught.Load()
}

func (p *play) believed(check string) bool { return p.bench.believed(p.scenario, check) }

// note keeps whether a check has found what is planted.
func (b *bench) note(results []outcome.Result) {
	if slices.ContainsFunc(results, func(r outcome.Result) bool { return r.Check != "" && r.Catches(b.target.Planted) }) {
		b.caught.Store(true)
	}
}

// hopeless reports whether the target is known to hang and nothing is judged by it here.
func (b *bench) hopeless(s scenario.Scenario) bool { return b.elsewhere(s) && b.suspected() }

// heard keeps that the target has hung, as far as one take tells.
func (b *bench) heard(t take) {
	if t.hung {
		b.rumours.Add(1)
	}
}
