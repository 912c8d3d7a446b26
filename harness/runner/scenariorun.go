package runner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/probe"
	"github.com/sockharness/harness/harness/scenario"
)

const (
	// maxSuspects is how many suspects stop a sweep: each further one would cost a timeout
	// and tell nothing new.
	maxSuspects = 8
	// maxClientSuspects is the same of a client: each of its runs is a process.
	maxClientSuspects = 3
	// maxHangs is the same where each costs the time that it takes to prove a
	// hang, or a timeout.
	maxHangs = 2
)

// A scenarioRun is one scenario on one target.
type scenarioRun struct {
	runner   *Runner
	target   *targetRun
	scenario scenario.Scenario
	tc       scenario.Case

	suspects atomic.Int64
	broken   atomic.Bool // the server has died or does not serve any more
	// unfinished names a variant that was begun and not over when the context ended; nil: none was
	unfinished atomic.Pointer[string]
	dirty      atomic.Bool // it may still be busy with a conversation that hung
	spinner    string      // the process that kept a processor busy without a client
	stopAt     time.Time   // when no more variants are begun; zero: never
	skipped    string      // why variants were left out before the first one; empty: none were

	workersMu  sync.Mutex // guards what follows
	workers    serverWorkers
	recycles   bool        // the workers end after each conversation, and others replace them
	workerDied atomic.Bool // one of the workers has ended
}

// clone returns the same scenario on a testbed of its own. The caller closes its target.
func (p *scenarioRun) clone() *scenarioRun {
	return &scenarioRun{runner: p.runner, target: p.target.clone(p.runner.shared), scenario: p.scenario, tc: p.tc}
}

// runVariants plays the variants, as many at a time as the target can take, and plays those that did
// not pass again alone. Variants that were not reached are left out, and a note says so.
func (p *scenarioRun) runVariants(ctx context.Context, variants []scenario.Variant) []outcome.Result {
	elsewhere := p.target.plantedElsewhere(p.scenario)
	var before *usageAt
	if !elsewhere && slices.ContainsFunc(variants, func(v scenario.Variant) bool { return v.Run == nil }) {
		before = p.measureNow(probe.MeasureFast)
	}
	p.stopAt = softDeadline(ctx)
	attempts := p.runSideBySide(ctx, variants)
	collateral := p.broken.Load()
	p.confirmSuspects(ctx, variants, attempts)
	p.excuseUnasked(ctx, attempts)
	results := p.played(attempts)
	if collateral && !anyFailed(results) {
		results = append(results, p.confirmCumulative(ctx, variants)...)
	}
	results = append(results, p.confirmLowerLevel(ctx, variants, attempts)...)
	if !elsewhere || !anyFailed(results) {
		results = append(results, p.judgeScenarioWide(ctx, before, variants, results)...)
	}
	if p.broken.Swap(false) || p.spinner != "" || p.tc.Target.Server.Scope == scenario.PerScenario || anyFailed(results) {
		p.target.DiscardServer()
	}
	if name := p.unfinished.Load(); name != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) && !anyFailed(results) {
		results = append(results, p.unfinishedResult(*name))
	}
	return results
}

// unfinishedResult is no pass: the variant may hang without end.
func (p *scenarioRun) unfinishedResult(variant string) outcome.Result {
	return outcome.Result{Target: p.tc.Target.Name, Scenario: p.scenario.ID, Variant: variant, Level: p.scenario.Level, Verdict: outcome.Invalid,
		Message: "it had not finished within the scenario's time limit; --timeout gives it more"}
}

// anyFailed reports whether the server did something wrong, with the fault or without it.
func anyFailed(results []outcome.Result) bool {
	return slices.ContainsFunc(results, func(r outcome.Result) bool {
		return r.Verdict == outcome.Fail || r.Verdict == outcome.Blocked
	})
}

// played returns the results of the variants that ran.
func (p *scenarioRun) played(attempts []attempt) []outcome.Result {
	var results []outcome.Result
	for _, t := range attempts {
		if t.Verdict != "" {
			p.writeRecordings(&t.Result, t.recordings)
			results = append(results, t.Result)
		}
	}
	if missing := len(attempts) - len(results); missing > 0 && len(results) > 0 {
		last := &results[len(results)-1]
		noun := "variants"
		if missing == 1 {
			noun = "variant"
		}
		last.Notes = append(last.Notes, fmt.Sprintf("%d more %s did not run: %s", missing, noun, p.whyStopped()))
	}
	if p.skipped != "" && len(results) > 0 {
		results[0].Notes = append(results[0].Notes, p.skipped)
	}
	return results
}
