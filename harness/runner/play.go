package runner

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
)

// confirmations is how many failed variants of a sweep are run again, alone
// and with twice the time, before the failure counts.
const confirmations = 2

// A play is one scenario on one bench.
type play struct {
	runner   *Runner
	bench    *bench
	scenario scenario.Scenario
	kase     scenario.Case
}

// all plays the variants, as many at a time as the target bears, and confirms
// failures alone.
func (p *play) all(ctx context.Context, variants []scenario.Variant) []outcome.Result {
	results := make([]outcome.Result, len(variants))
	slots := make(chan struct{}, p.width(variants))
	var wg sync.WaitGroup
	for i, v := range variants {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			results[i] = p.one(ctx, v, 1)
		})
	}
	wg.Wait()
	p.confirm(ctx, variants, results)
	if ctx.Err() != nil {
		return finished(results)
	}
	return results
}

// width is how many variants may run at a time: one where they act on the
// server process itself, or where each is to have a server of its own.
func (p *play) width(variants []scenario.Variant) int {
	for _, v := range variants {
		if v.Act != nil {
			return 1
		}
	}
	switch {
	case p.bench.target.Server.Scope == scenario.PerScenario:
		return 1
	case p.kase.Role == scenario.Client || p.bench.target.Client.Dialogue == nil:
		return p.runner.config.Clients
	}
	return p.runner.config.Servers
}

// confirm runs failed variants again. When the server has died, every variant
// that was in flight has failed with it: all of them get a new trial alone.
func (p *play) confirm(ctx context.Context, variants []scenario.Variant, results []outcome.Result) {
	died := p.serverDied()
	trials := 0
	for i := range results {
		if results[i].Verdict != outcome.Fail || ctx.Err() != nil {
			continue
		}
		if trials >= confirmations && !died {
			return
		}
		trials++
		again := p.one(ctx, variants[i], 2)
		if ctx.Err() != nil {
			return
		}
		if again.Verdict == outcome.Pass && !died {
			results[i].Verdict = outcome.Flaky
			results[i].Message = "failed once, passed when run again alone: " + results[i].Message
			continue
		}
		results[i] = again
	}
}

func (p *play) serverDied() bool {
	process, _ := p.bench.process()
	if process == nil {
		return false
	}
	_, over := process.Exit()
	return over
}

// one plays one variant and judges it. The budget is stretched by the factor.
func (p *play) one(ctx context.Context, v scenario.Variant, factor int) outcome.Result {
	start := time.Now()
	kase := p.kase
	kase.Budget *= time.Duration(factor)
	if v.Script != nil {
		kase.Conversation = scenario.ScriptedConversation(v.Script)
		kase.Conversation.Stdout, kase.Conversation.Exit = p.kase.Conversation.Stdout, p.kase.Conversation.Exit
	}
	level := p.scenario.Level
	if v.Level != "" {
		level = v.Level
	}
	r := outcome.Result{Target: kase.Target.Name, Scenario: p.scenario.ID, Variant: v.Label(), Level: level}
	observation, err := p.observe(ctx, kase, v)
	r.Elapsed = outcome.MillisOf(time.Since(start))
	if err != nil {
		r.Verdict, r.Message = outcome.Invalid, err.Error()
		return r
	}
	judge(&r, v, observation)
	return r
}

// finished leaves out the variants that an interrupted play did not get to.
func finished(results []outcome.Result) []outcome.Result {
	var out []outcome.Result
	for _, r := range results {
		if r.Verdict == outcome.Pass {
			out = append(out, r)
		}
	}
	return out
}

// name is unique among the proxies of the play.
func (p *play) name(v scenario.Variant) string {
	return fmt.Sprintf("%s %s %s", p.bench.target.Name, p.scenario.ID, v.Label())
}
