package runner

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/scenario"
)

// confirmationRuns is how often a suspect is played again before it has failed.
const confirmationRuns = 3

// slowVariant is the time from which the confirmations of a variant run side by side. They do not
// where a peer keeps a processor busy.
const slowVariant = 400 * time.Millisecond

// confirmSuspects plays suspects again, on an intact server, until one of them is confirmed. If the
// server was damaged, all variants that ran at that time have failed with it, and variants that
// were not reached must still run: then a pass is a pass. Else a variant that passes now is flaky.
func (p *scenarioRun) confirmSuspects(ctx context.Context, variants []scenario.Variant, attempts []attempt) {
	collateral := p.broken.Load()
	confirmed := false
	for i, first := range attempts {
		again := first.isSuspect() || collateral && first.Verdict == ""
		switch {
		case !again:
		case ctx.Err() != nil:
			attempts[i] = p.unconfirmedForTime(first)
		case !confirmed && first.Verdict == outcome.Fail && p.skipConfirmation(first.Check):
			attempts[i].Notes = append(attempts[i].Notes, unconfirmedNote)
			p.target.noteUnconfirmed(first)
			confirmed = true
		case confirmed && (collateral || first.Verdict == outcome.Invalid):
			attempts[i] = attempt{} // it is not known whether it would fail alone
		case confirmed:
		case first.Verdict == "" || collateral || !first.problem || p.skipConfirmation(first.Check):
			attempts[i] = p.runUndecided(ctx, variants[i], first)
			if attempts[i].Verdict == outcome.Fail && !p.skipConfirmation(attempts[i].Check) {
				attempts[i] = p.confirmFailure(ctx, variants[i], attempts[i])
			}
			confirmed = attempts[i].isConfirmed()
		default:
			attempts[i] = p.confirmFailure(ctx, variants[i], first)
			confirmed = attempts[i].isConfirmed()
		}
	}
}

// confirmCumulative is for a scenario that damaged the server though each of its variants alone does
// not: their number may be the reason. It plays the whole scenario again, each time on an intact
// server, and returns a result if the server is damaged every time.
func (p *scenarioRun) confirmCumulative(ctx context.Context, variants []scenario.Variant) []outcome.Result {
	var last attempt
	for range confirmationRuns {
		p.target.DiscardServer()
		p.broken.Store(false)
		p.suspects.Store(0)
		attempts := p.runSideBySide(ctx, variants)
		at := slices.IndexFunc(attempts, attempt.isSuspect) // -1 where the target allows the damage
		if !p.broken.Load() || at < 0 || ctx.Err() != nil {
			return nil
		}
		last = attempts[at]
	}
	r := last.Result
	r.Message = fmt.Sprintf("fails only after several of the %s in a row; each of them passes alone: %s", plural.Count(len(variants), "variant"), r.Message)
	r.Share = &outcome.Confirmation{Failed: confirmationRuns, Runs: confirmationRuns}
	p.writeRecordings(&r, last.recordings)
	return []outcome.Result{r}
}

// confirmFailure plays a failed variant three times more, unless its control fails too. All of these
// runs must fail, and one of them must have had the machine for itself: the last one, if processors
// were short in all. It returns the last failure. If a run passes, it returns the first failure as
// flaky, unless that one only took too long. If scenarios of the target have hung before, and that
// was confirmed, one more run is enough: each costs the time to prove a hang.
func (p *scenarioRun) confirmFailure(ctx context.Context, v scenario.Variant, first attempt) attempt {
	if blocked, is := p.blockedByControl(ctx, v, first); is {
		return blocked
	}
	if lowered, is := p.lowerIfSatisfied(ctx, v, first); is {
		lowered.satisfied = true
		return lowered
	}
	if alone, played := p.confirmAlone(ctx, v, first); played && !alone.isSuspect() && ctx.Err() == nil {
		return passWithMoreTime(first, alone)
	}
	runs := confirmationRuns
	if first.hung && p.target.knownToHang() {
		runs = 1
	}
	attempts := p.runRepeatedly(ctx, v, runs, first.Elapsed.ToDuration() > slowVariant && p.hadCPU(first) && !first.spunCPU)
	for i, t := range attempts {
		if t.Verdict == outcome.Invalid && first.Verdict == outcome.Fail {
			attempts[i] = p.runOnCleanServer(ctx, v) // a run that was not possible tells nothing
		}
	}
	if !slices.ContainsFunc(attempts, p.hadCPU) {
		attempts[runs-1] = p.runExclusive(ctx, v, nil)
	}
	if ctx.Err() != nil {
		return p.unconfirmedForTime(first)
	}
	result := first
	share := outcome.Confirmation{Runs: runs}
	for _, t := range attempts {
		if t.isSuspect() {
			share.Failed++
			result = t.withRecordingsOf(first)
		}
	}
	result.Share = &share
	if share.Failed == share.Runs {
		if result.hung {
			p.target.confirmedHangs.Add(1)
		}
		return p.invalidateIfStarved(ctx, result, attempts)
	}
	if first.timedOut && share.Failed == 0 {
		return passWithMoreTime(first, attempts[0])
	}
	if passed, is := p.passBesideStarved(append(attempts, first)); is {
		return passed
	}
	recordings := result.recordings
	result = first
	result.recordings = recordings
	result.Share, result.Verdict = &share, outcome.Flaky
	result.Message = fmt.Sprintf("failed in %d of %d runs: %s", share.Failed+1, share.Runs+1, first.Message)
	return result
}

// passWithMoreTime is for a peer that was late once, and never with a larger budget: only the larger
// budget counts.
func passWithMoreTime(first, again attempt) attempt {
	if again.Verdict == outcome.Pass {
		again.Notes = append(again.Notes, fmt.Sprintf("timed out after %s at first, and passed with twice the time", first.Elapsed.ToDuration().Round(time.Millisecond)))
	}
	return again
}

// passBesideStarved returns the run that a client passed, if it lacked processors in each run that it
// failed: its own time limit may have ended those, and the harness cannot extend that.
func (p *scenarioRun) passBesideStarved(attempts []attempt) (passed attempt, is bool) {
	at := slices.IndexFunc(attempts, func(t attempt) bool { return t.Verdict == outcome.Pass })
	if p.tc.Role != scenario.Client || at < 0 {
		return attempt{}, false
	}
	failed, least := 0, time.Duration(0)
	for _, t := range attempts {
		if !t.isSuspect() {
			continue
		}
		if p.hadCPU(t) {
			return attempt{}, false
		}
		if failed++; failed == 1 || t.cpuWait < least {
			least = t.cpuWait
		}
	}
	passed = attempts[at]
	passed.Notes = append(slices.Clone(passed.Notes), fmt.Sprintf("failed in %d of %d runs, in which a peer or the harness waited %s or more for a CPU",
		failed, len(attempts), least.Round(time.Millisecond)))
	return passed, true
}

// hadCPU reports whether an attempt tells as much as one alone on the machine: it had processors for
// most of the time that counts, or its failure was proven and is no timeout. A wait is extended by
// the time without a processor.
func (p *scenarioRun) hadCPU(t attempt) bool {
	most := (p.decisiveLimit() - t.faultTime) / 2
	if p.tc.Role == scenario.Server {
		most = max(most, t.budget) // its waits may have grown by twice as much
	}
	if t.timedOut {
		most = max(most, t.Elapsed.ToDuration()/4)
	}
	return t.provenHang() || t.cpuWait <= most
}

// decisiveLimit is the limit that decides: that of the harness, or that of the client itself.
func (p *scenarioRun) decisiveLimit() time.Duration {
	return max(p.tc.Budget, p.tc.Target.Policies.AnswerTimeout)
}

// invalidateIfStarved makes a failure invalid that may be a timeout only, if the peers had too little
// processor time in every run to keep the limit of the harness or of the client itself. It does not
// do so for a server that keeps the processors busy, or is known to hang.
func (p *scenarioRun) invalidateIfStarved(ctx context.Context, t attempt, attempts []attempt) attempt {
	blameless := t.timedOut && !p.target.knownToHang() && !p.target.SpinsWhenIdle(ctx) || p.tc.Role == scenario.Client && !t.provenHang()
	if blameless && !slices.ContainsFunc(attempts, p.hadCPU) {
		least := slices.MinFunc(attempts, func(a, b attempt) int { return cmp.Compare(a.cpuWait, b.cpuWait) }).cpuWait
		t.Verdict = outcome.Invalid
		t.Message = fmt.Sprintf("this machine is too busy for a verdict: in each run a peer or the harness waited %s or more for a CPU; observed: %s",
			least.Round(time.Millisecond), t.Message)
	}
	return t
}
