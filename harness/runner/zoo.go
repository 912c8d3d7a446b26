package runner

import (
	"context"
	"slices"
	"strings"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
)

// In a zoo a broken program is expected to fail more scenarios than the one that must find its bug.
// In those it gets fewer variants, and failures are not confirmed. What is judged is whether the bug
// is found where it is planted, and whether correct programs pass. Without this, two thirds of the
// time of a zoo went into the other scenarios.

// zooBudgetDivisor is by what the budget of a broken program is divided elsewhere, once it is
// known to hang: each scenario would cost all of it.
const zooBudgetDivisor = 8

// unconfirmedNote is the note of a failure that was not confirmed.
const unconfirmedNote = "not confirmed: the bug of this program is planted elsewhere"

// plantedElsewhere reports whether the bug of a broken program is to be found in other
// scenarios, or was found by its check already.
func (t *targetRun) plantedElsewhere(s scenario.Scenario) bool {
	return t.skipConfirmation(s, strings.TrimPrefix(t.target.Planted, outcome.ByCheck))
}

// sampleVariants returns those of the variants of a scenario that are played: elsewhere the
// last, which goes the furthest.
func (t *targetRun) sampleVariants(s scenario.Scenario, all []scenario.Variant) []scenario.Variant {
	if n := len(all); t.plantedElsewhere(s) && n > 1 {
		all = all[n-1:]
	}
	return slices.Clone(all)
}

// skipConfirmation reports whether a failure of the scenario by the check is not confirmed.
func (t *targetRun) skipConfirmation(s scenario.Scenario, check string) bool {
	planted := t.target.Planted
	if !t.config.Zoo || planted == "" || planted == s.ID {
		return false
	}
	return planted != outcome.ByCheck+check || t.plantedFound.Load()
}

func (p *scenarioRun) skipConfirmation(check string) bool {
	return p.target.skipConfirmation(p.scenario, check)
}

// notePlanted keeps whether a check has found what is planted.
func (t *targetRun) notePlanted(results []outcome.Result) {
	if slices.ContainsFunc(results, func(r outcome.Result) bool { return r.Check != "" && r.FindsPlanted(t.target.Planted) }) {
		t.plantedFound.Store(true)
	}
}

// knownHanging reports whether the target is known to hang and nothing is judged by it here.
func (t *targetRun) knownHanging(s scenario.Scenario) bool {
	return t.plantedElsewhere(s) && t.suspectedToHang()
}

// noteUnconfirmed keeps that the target has hung in one attempt.
func (t *targetRun) noteUnconfirmed(a attempt) {
	if a.hung {
		t.unconfirmedHangs.Add(1)
	}
}

// hasShortBudget reports whether the budget was divided, since the target is known to hang.
func (p *scenarioRun) hasShortBudget() bool { return p.tc.Budget < p.runner.config.Budget }

// runUndecided plays a variant again of which no verdict is known, or one that is not confirmed. If it
// is invalid, a short budget may be the reason: it gets the whole one.
func (p *scenarioRun) runUndecided(ctx context.Context, v scenario.Variant, first attempt) attempt {
	factor := cleanFactor
	if first.Verdict == outcome.Invalid && p.hasShortBudget() {
		factor *= zooBudgetDivisor
	}
	p.ensureClean()
	return p.runShared(ctx, v, factor)
}
