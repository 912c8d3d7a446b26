package runner

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
)

// confirmations is how often a suspect is played again before it has failed.
const confirmations = 3

// slow is how long a variant takes whose confirmations are played at the same time, if
// there are processors for that: not where a peer burns one.
const slow = 400 * time.Millisecond

// retry plays suspects again, on a server that is whole, until one of them is
// confirmed. When the server was damaged, everything that was in flight has
// suffered with it, and what was not reached is still to be played: a pass is
// then a pass. Else a variant that passes now is flaky.
func (p *play) retry(ctx context.Context, variants []scenario.Variant, takes []take) {
	collateral := p.damaged.Load()
	confirmed := false
	for i, first := range takes {
		again := first.suspect() || collateral && first.Verdict == ""
		switch {
		case !again || ctx.Err() != nil:
		case !confirmed && first.Verdict == outcome.Fail && p.believed(first.Check):
			takes[i].Notes = append(takes[i].Notes, hearsay)
			p.bench.heard(first)
			confirmed = true
		case confirmed && (collateral || first.Verdict == outcome.Invalid):
			takes[i] = take{} // nobody knows whether it would fail alone, too
		case confirmed:
		case first.Verdict == "" || collateral || !first.problem || p.believed(first.Check):
			takes[i] = p.fresh(ctx, variants[i])
			if takes[i].Verdict == outcome.Fail && !p.believed(takes[i].Check) {
				takes[i] = p.confirm(ctx, variants[i], takes[i])
			}
			confirmed = takes[i].Verdict == outcome.Fail
		default:
			takes[i] = p.confirm(ctx, variants[i], first)
			confirmed = takes[i].Verdict == outcome.Fail
		}
	}
}

// worn is for a server that was damaged by a scenario of which each variant does
// no harm alone: it may be the number of them. It plays the scenario again, each time
// to a server that is whole, and returns a result if that damages it every time.
func (p *play) worn(ctx context.Context, variants []scenario.Variant) []outcome.Result {
	var last take
	for range confirmations {
		p.bench.discard()
		p.damaged.Store(false)
		p.suspects.Store(0)
		takes := p.together(ctx, variants)
		at := slices.IndexFunc(takes, take.suspect) // none where the target does not hold the damage against the server
		if !p.damaged.Load() || at < 0 || ctx.Err() != nil {
			return nil
		}
		last = takes[at]
	}
	r := last.Result
	r.Message = fmt.Sprintf("after %d of them or fewer, none of which does so alone: %s", len(variants), r.Message)
	r.Share = &outcome.Share{Failed: confirmations, Runs: confirmations}
	return []outcome.Result{r}
}

// fresh plays a variant by itself, on a server that is whole.
func (p *play) fresh(ctx context.Context, v scenario.Variant) take {
	p.renew()
	return p.one(ctx, v, 2)
}

// renew replaces a server that is not whole.
func (p *play) renew() {
	littered, damaged := p.littered.Swap(false), p.damaged.Swap(false)
	if littered || damaged {
		p.bench.discard()
	}
}

// confirm plays a variant that failed three times more. All must fail, and one of them
// had the machine for itself: the last, where processors were short in all of them. It
// returns the last failure, or the first as flaky, unless it was one of time alone. Where
// scenarios have hung before, and that was confirmed, one more run will do: each costs
// what it takes to prove.
func (p *play) confirm(ctx context.Context, v scenario.Variant, first take) take {
	runs := confirmations
	if first.hung && p.bench.hung() {
		runs = 1
	}
	takes := p.rerun(ctx, v, runs, first.Elapsed.Duration() > slow && p.fed(first) && !first.spun)
	for i, t := range takes {
		if t.Verdict == outcome.Invalid && first.Verdict == outcome.Fail {
			takes[i] = p.fresh(ctx, v) // what could not be played tells nothing
		}
	}
	if !slices.ContainsFunc(takes, p.fed) {
		takes[runs-1] = p.claimed(ctx, v)
	}
	if ctx.Err() != nil {
		return first
	}
	result := first
	share := outcome.Share{Runs: runs}
	for _, t := range takes {
		if t.suspect() {
			share.Failed++
			result = t
		}
	}
	result.Share = &share
	if share.Failed == share.Runs {
		if result.hung {
			p.bench.hangs.Add(1)
		}
		return p.trusted(ctx, result, takes)
	}
	if first.timed && share.Failed == 0 {
		return unhurried(first, takes[0])
	}
	result = first
	result.Share, result.Verdict = &share, outcome.Flaky
	result.Message = fmt.Sprintf("failed at first, and in %d of %d runs after that: %s", share.Failed, share.Runs, first.Message)
	return result
}

// unhurried is for a peer that was late once and never with a larger budget: time counts
// against it only there.
func unhurried(first, again take) take {
	if again.Verdict == outcome.Pass {
		again.Notes = append(again.Notes, fmt.Sprintf("given up after %s at first, and in order with twice the time", first.Elapsed.Duration().Round(time.Millisecond)))
	}
	return again
}

// fed reports whether a take tells as much as one alone on the machine: it had the
// processors for most of the time that counts, or what it shows was proven and not waited
// for. A wait grows by the time for which there were none.
func (p *play) fed(t take) bool {
	most := p.limit() / 2
	if p.kase.Role == scenario.Server {
		most = max(most, t.budget) // it would have grown by twice as much
	}
	if t.timed {
		most = max(most, t.Elapsed.Duration()/4)
	}
	return t.proven() || t.starved <= most
}

// limit is the time that decides: ours, or the one that a client keeps itself.
func (p *play) limit() time.Duration {
	return max(p.kase.Budget, p.kase.Target.Policies.AnswerTimeout)
}

// trusted makes a failure invalid that may be one of time alone, where in none of
// the runs the peers had the processor time that limits count on: ours, or those
// that a client keeps itself. A server that burns the processors, or is known to hang, has itself to blame.
func (p *play) trusted(ctx context.Context, t take, takes []take) take {
	blameless := t.timed && !p.bench.hung() && !p.bench.busy(ctx) || p.kase.Role == scenario.Client && !t.proven()
	if blameless && !slices.ContainsFunc(takes, p.fed) {
		least := slices.MinFunc(takes, func(a, b take) int { return cmp.Compare(a.starved, b.starved) }).starved
		t.Verdict = outcome.Invalid
		t.Message = fmt.Sprintf("this machine is too busy to tell: in each run a peer, or the harness, waited for a processor for %s or more; besides: %s",
			least.Round(time.Millisecond), t.Message)
	}
	return t
}

// rerun plays a variant n times, with a larger budget, and side by side, each with peers
// of its own, if that may be.
func (p *play) rerun(ctx context.Context, v scenario.Variant, n int, sideBySide bool) []take {
	takes := make([]take, n)
	if !sideBySide || !p.bench.divisible() {
		for i := range takes {
			takes[i] = p.fresh(ctx, v)
		}
		return takes
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	for i := range takes {
		wg.Go(func() {
			twin := &play{runner: p.runner, bench: p.bench.twin(), scenario: p.scenario, kase: p.kase}
			defer twin.bench.close()
			takes[i] = twin.one(ctx, v, 2)
		})
	}
	return takes
}

// claimed plays a variant by itself, while no worker of the run plays anything else.
func (p *play) claimed(ctx context.Context, v scenario.Variant) take {
	p.renew()
	release := p.runner.machine.claim(ctx)
	defer release()
	return p.alone(ctx, v, 2)
}

// lesser confirms the violations of a lower level than the scenario's, each in
// the first variant that showed it, and returns a result for each.
func (p *play) lesser(ctx context.Context, variants []scenario.Variant, takes []take) []outcome.Result {
	var results []outcome.Result
	seen := map[string]int{}
	for _, t := range takes {
		for _, v := range t.lesser {
			seen[v.Oracle]++
		}
	}
	for i, t := range takes {
		for _, v := range t.lesser {
			if seen[v.Oracle] == 0 || ctx.Err() != nil {
				continue
			}
			r := p.violated(ctx, variants[i], t.Result, v)
			if n := seen[v.Oracle]; n > 1 {
				r.Notes = append(r.Notes, fmt.Sprintf("in %d of %d variants", n, len(takes)))
			}
			results = append(results, r)
			seen[v.Oracle] = 0
		}
	}
	return results
}

// violated confirms one violation.
func (p *play) violated(ctx context.Context, v scenario.Variant, first outcome.Result, violation scenario.Violation) outcome.Result {
	r := first
	r.Check, r.Level = violation.Oracle, violation.Level
	r.Verdict, r.Message = outcome.Fail, violation.Err.Error()
	if p.believed(violation.Oracle) {
		r.Notes = append(r.Notes, hearsay)
		return r
	}
	share := outcome.Share{Runs: confirmations}
	for range confirmations {
		t := p.fresh(ctx, v)
		if slices.ContainsFunc(t.lesser, func(l scenario.Violation) bool { return l.Oracle == violation.Oracle }) {
			share.Failed++
		}
	}
	r.Share = &share
	if share.Failed < share.Runs {
		r.Verdict = outcome.Flaky
	}
	return r
}
