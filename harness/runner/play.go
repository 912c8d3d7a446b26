package runner

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
)

const (
	// enough is how many suspects of a sweep stop it: what follows would cost a
	// timeout each and tell nothing new.
	enough = 8
	// enoughRuns is the same of a client: each of its runs is a process.
	enoughRuns = 3
	// confirmations is how many suspects are played again, alone and with more
	// time, before the scenario has failed.
	confirmations = 2
)

// A play is one scenario on one bench.
type play struct {
	runner   *Runner
	bench    *bench
	scenario scenario.Scenario
	kase     scenario.Case

	suspects atomic.Int64
	damaged  atomic.Bool // the server has died or does not serve any more
}

// all plays the variants, as many at a time as the target bears, and plays
// those that did not pass again alone. Variants that were not reached are left
// out, and a note says so.
func (p *play) all(ctx context.Context, variants []scenario.Variant) []outcome.Result {
	results := p.together(ctx, variants)
	p.retry(ctx, variants, results)
	var played []outcome.Result
	missing := 0
	for _, r := range results {
		if r.Verdict == "" {
			missing++
			continue
		}
		played = append(played, r)
	}
	if missing > 0 && len(played) > 0 {
		last := &played[len(played)-1]
		last.Notes = append(last.Notes, fmt.Sprintf("%d more variants were not played after so many failures", missing))
	}
	return played
}

// rounds is how many times its width a batch of variants has. After each batch a
// server that burns a processor with nobody to talk to is replaced: what it keeps
// of every conversation would slow down the next ones more and more.
const rounds = 2

// together plays the variants side by side, batch by batch, until there are
// enough suspects.
func (p *play) together(ctx context.Context, variants []scenario.Variant) []outcome.Result {
	results := make([]outcome.Result, len(variants))
	width := p.width(variants)
	for from := 0; from < len(variants); from += rounds * width {
		to := min(from+rounds*width, len(variants))
		p.batch(ctx, variants[from:to], results[from:to], width)
		if p.enoughIsKnown(ctx) {
			break
		}
		if p.bench.busy(ctx) {
			p.bench.discard()
		}
	}
	return results
}

func (p *play) batch(ctx context.Context, variants []scenario.Variant, results []outcome.Result, width int) {
	slots := make(chan struct{}, width)
	var wg sync.WaitGroup
	defer wg.Wait()
	for i, v := range variants {
		slots <- struct{}{}
		if p.enoughIsKnown(ctx) {
			return
		}
		wg.Go(func() {
			defer func() { <-slots }()
			results[i] = p.one(ctx, v, 1)
			if suspect(results[i]) {
				p.suspects.Add(1)
			}
		})
	}
}

// enoughIsKnown reports whether playing on together would be for nothing.
func (p *play) enoughIsKnown(ctx context.Context) bool {
	return ctx.Err() != nil || p.suspects.Load() >= p.enough() || p.damaged.Load()
}

func (p *play) enough() int64 {
	if p.kase.Role == scenario.Client {
		return enoughRuns
	}
	return enough
}

func suspect(r outcome.Result) bool {
	return r.Verdict == outcome.Fail || r.Verdict == outcome.Invalid
}

// width is how many variants may run at a time: one where they act on the
// server process itself.
func (p *play) width(variants []scenario.Variant) int {
	switch {
	case slices.ContainsFunc(variants, func(v scenario.Variant) bool { return v.Act != nil }):
		return 1
	case p.kase.Role == scenario.Client || p.bench.target.Client.Dialogue == nil:
		return p.runner.config.Clients
	}
	return p.runner.config.Servers
}

// retry plays the suspects again, each alone, on a server that is whole. When
// the server was damaged, everything that was in flight has suffered with it,
// and what was not reached is still to be played: a pass is then a pass. Else a
// variant that passes now is flaky. It stops when enough of them are confirmed,
// and leaves the next scenario a new server then.
func (p *play) retry(ctx context.Context, variants []scenario.Variant, results []outcome.Result) {
	collateral := p.damaged.Load()
	confirmed := 0
	for i := range results {
		again := suspect(results[i]) || collateral && results[i].Verdict == ""
		if !again {
			continue
		}
		if confirmed >= confirmations || ctx.Err() != nil {
			// Nobody knows whether it would fail alone, too.
			if collateral || results[i].Verdict == outcome.Invalid {
				results[i] = outcome.Result{}
			}
			continue
		}
		if p.damaged.Swap(false) {
			p.bench.discard()
		}
		first := results[i]
		results[i] = p.one(ctx, variants[i], 2)
		switch {
		case ctx.Err() != nil:
			results[i] = first
		case suspect(results[i]):
			confirmed++
		case suspect(first) && !collateral:
			results[i].Verdict = outcome.Flaky
			results[i].Message = "did not pass at first, passed when played again alone: " + first.Message
			results[i].Events, results[i].Stderr = first.Events, first.Stderr
		}
	}
	if p.damaged.Swap(false) || confirmed > 0 || p.bench.target.Server.Scope == scenario.PerScenario || p.bench.busy(ctx) {
		p.bench.discard()
	}
}

// one plays one variant and judges it. The budget is stretched by the factor.
func (p *play) one(ctx context.Context, v scenario.Variant, factor int) outcome.Result {
	start := time.Now()
	kase := p.kase
	kase.Budget *= time.Duration(factor)
	if v.Script != nil {
		whole := kase.Conversation
		kase.Conversation = scenario.ScriptedConversation(v.Script)
		kase.Conversation.Stdout, kase.Conversation.Exit = whole.Stdout, whole.Exit
	}
	level := p.scenario.Level
	if v.Level != "" {
		level = v.Level
	}
	r := outcome.Result{Target: kase.Target.Name, Scenario: p.scenario.ID, Variant: v.Name, Level: level}
	observation, err := p.observe(ctx, kase, v)
	r.Elapsed = outcome.MillisOf(time.Since(start))
	if err != nil {
		r.Verdict, r.Message = outcome.Invalid, err.Error()
		return r
	}
	if observation.Crash != nil || observation.Fresh != nil {
		p.damaged.Store(true)
	}
	judge(&r, v, observation)
	return r
}

// name is unique among the proxies of the play.
func (p *play) name(v scenario.Variant) string {
	return fmt.Sprintf("%s %s %s", p.bench.target.Name, p.scenario.ID, v.Name)
}
