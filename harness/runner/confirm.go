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

// slowVariant is how long a variant takes whose confirmations are played at the same time, if
// there are processors for that: not where a peer burns one.
const slowVariant = 400 * time.Millisecond

// confirmSuspects plays suspects again, on a server that is whole, until one of them is
// confirmed. When the server was damaged, everything in flight has failed
// with it, and what was not reached is still to be played: a pass is
// then a pass. Else a variant that passes now is flaky.
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
			attempts[i] = attempt{} // nobody knows whether it would fail alone, too
		case confirmed:
		case first.Verdict == "" || collateral || !first.problem || p.skipConfirmation(first.Check):
			attempts[i] = p.runOnCleanServer(ctx, variants[i])
			if attempts[i].Verdict == outcome.Fail && !p.skipConfirmation(attempts[i].Check) {
				attempts[i] = p.confirmFailure(ctx, variants[i], attempts[i])
			}
			confirmed = attempts[i].Verdict == outcome.Fail
		default:
			attempts[i] = p.confirmFailure(ctx, variants[i], first)
			confirmed = attempts[i].Verdict == outcome.Fail
		}
	}
}

// confirmCumulative is for a server that was damaged by a scenario of which each variant does
// no harm alone: it may be the number of them. It plays the scenario again, each time
// to a server that is whole, and returns a result if that damages it every time.
func (p *scenarioRun) confirmCumulative(ctx context.Context, variants []scenario.Variant) []outcome.Result {
	var last attempt
	for range confirmationRuns {
		p.target.DiscardServer()
		p.broken.Store(false)
		p.suspects.Store(0)
		attempts := p.runSideBySide(ctx, variants)
		at := slices.IndexFunc(attempts, attempt.isSuspect) // none where the target does not hold the damage against the server
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

// confirmFailure plays a variant that failed three times more, unless its control fails too. All must fail, and one of them
// had the machine for itself: the last, where processors were short in all of them. It
// returns the last failure, or the first as flaky, unless it was one of time alone. Where
// scenarios have hung before, and that was confirmed, one more run will do: each costs
// what it takes to prove.
func (p *scenarioRun) confirmFailure(ctx context.Context, v scenario.Variant, first attempt) attempt {
	if blocked, is := p.blockedByControl(ctx, v, first); is {
		return blocked
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
			attempts[i] = p.runOnCleanServer(ctx, v) // what could not be played tells nothing
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
	recordings := result.recordings
	result = first
	result.recordings = recordings
	result.Share, result.Verdict = &share, outcome.Flaky
	result.Message = fmt.Sprintf("failed in %d of %d runs: %s", share.Failed+1, share.Runs+1, first.Message)
	return result
}

// passWithMoreTime is for a peer that was late once and never with a larger budget: time counts
// against it only there.
func passWithMoreTime(first, again attempt) attempt {
	if again.Verdict == outcome.Pass {
		again.Notes = append(again.Notes, fmt.Sprintf("timed out after %s at first, and passed with twice the time", first.Elapsed.ToDuration().Round(time.Millisecond)))
	}
	return again
}

// hadCPU reports whether a take tells as much as one alone on the machine: it had the
// processors for most of the time that counts, or what it shows was proven and not waited
// for. A wait grows by the time for which there were none.
func (p *scenarioRun) hadCPU(t attempt) bool {
	most := p.decisiveLimit() / 2
	if p.tc.Role == scenario.Server {
		most = max(most, t.budget) // it would have grown by twice as much
	}
	if t.timedOut {
		most = max(most, t.Elapsed.ToDuration()/4)
	}
	return t.provenHang() || t.cpuWait <= most
}

// decisiveLimit is the time that decides: ours, or the one that a client keeps itself.
func (p *scenarioRun) decisiveLimit() time.Duration {
	return max(p.tc.Budget, p.tc.Target.Policies.AnswerTimeout)
}

// invalidateIfStarved makes a failure invalid that may be one of time alone, where in none of
// the runs the peers had the processor time that limits count on: ours, or those
// that a client keeps itself. A server that burns the processors, or is known to hang, gets no such excuse.
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
