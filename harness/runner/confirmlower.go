package runner

import (
	"context"
	"fmt"
	"slices"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/scenario"
)

// confirmLowerLevel confirms the violations of a lower level than the scenario's, each in
// the first variant that showed it, and returns a result for each.
func (p *scenarioRun) confirmLowerLevel(ctx context.Context, variants []scenario.Variant, attempts []attempt) []outcome.Result {
	var results []outcome.Result
	seen := map[string]int{}
	for _, t := range attempts {
		for _, v := range t.lowerLevel {
			seen[v.Oracle]++
		}
	}
	for i, t := range attempts {
		for _, v := range t.lowerLevel {
			if seen[v.Oracle] == 0 || ctx.Err() != nil {
				continue
			}
			r := p.confirmViolation(ctx, variants[i], t, v)
			if n := seen[v.Oracle]; n > 1 {
				r.Notes = append(r.Notes, fmt.Sprintf("in %d of %s", n, plural.Count(len(attempts), "variant")))
			}
			results = append(results, r)
			seen[v.Oracle] = 0
		}
	}
	return results
}

// confirmViolation confirms one violation.
func (p *scenarioRun) confirmViolation(ctx context.Context, v scenario.Variant, first attempt, violation scenario.Violation) (r outcome.Result) {
	r, recordings := first.Result, first.recordings
	defer func() { p.writeRecordings(&r, recordings) }()
	r.Check, r.Level = violation.Oracle, violation.Level
	r.Verdict, r.Message = outcome.Fail, violation.Err.Error()
	r.Cause = "check " + violation.Oracle
	if p.skipConfirmation(violation.Oracle) {
		r.Notes = append(r.Notes, unconfirmedNote)
		return r
	}
	share := outcome.Confirmation{Runs: confirmationRuns}
	for range confirmationRuns {
		t := p.runOnCleanServer(ctx, v)
		if slices.ContainsFunc(t.lowerLevel, func(l scenario.Violation) bool { return l.Oracle == violation.Oracle }) {
			share.Failed++
			recordings = slices.Concat(first.recordings, t.recordings)
		}
	}
	r.Share = &share
	if share.Failed < share.Runs {
		r.Verdict = outcome.Flaky
	}
	return r
}
