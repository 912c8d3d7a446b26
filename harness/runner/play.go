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
	// enough is how many suspects of a sweep stop it: what follows would cost a
	// timeout each and tell nothing new.
	enough = 8
	// enoughRuns is the same of a client: each of its runs is a process.
	enoughRuns = 3
	// enoughHangs is the same where each costs the time that it takes to prove a
	// hang, or a timeout.
	enoughHangs = 2
)

// A play is one scenario on one bench.
type play struct {
	runner   *Runner
	bench    *bench
	scenario scenario.Scenario
	kase     scenario.Case

	suspects atomic.Int64
	damaged  atomic.Bool // the server has died or does not serve any more
	littered atomic.Bool // it still has to do with a conversation that hung
	busy     string      // who burned a processor with nobody to talk to

	mustering sync.Mutex // guards what follows
	mustered  staff
	recycles  bool        // the staff ends after each conversation, and others come
	lost      atomic.Bool // one of the staff has ended
}

// A take is one variant, played once.
type take struct {
	outcome.Result
	lesser  []scenario.Violation // of less than the result's level
	problem bool                 // something was not as expected, whether the fault struck or not
	timed   bool                 // it failed for time alone
	hung    bool                 // a peer hung, spun or took too long
	spun    bool                 // a peer burned a processor
	starved time.Duration        // for which a peer or we waited for a processor meanwhile
	budget  time.Duration        // that its waits had; they grow by the time for which processors were short
}

func (t take) suspect() bool { return t.Verdict == outcome.Fail || t.Verdict == outcome.Invalid }

// proven reports whether it is known that a peer would never have come to an end,
// however long it had got.
func (t take) proven() bool { return t.hung && !t.timed }

// all plays the variants, as many at a time as the target bears, and plays
// those that did not pass again alone. Variants that were not reached are left
// out, and a note says so.
func (p *play) all(ctx context.Context, variants []scenario.Variant) []outcome.Result {
	elsewhere := p.bench.elsewhere(p.scenario)
	var before *count
	if !elsewhere {
		before = p.count(probe.Glance)
	}
	takes := p.together(ctx, variants)
	collateral := p.damaged.Load()
	p.retry(ctx, variants, takes)
	results := played(takes)
	if collateral && !failed(results) {
		results = append(results, p.worn(ctx, variants)...)
	}
	results = append(results, p.lesser(ctx, variants, takes)...)
	if !elsewhere || !failed(results) {
		results = append(results, p.repeats(ctx, before, variants, len(results))...)
	}
	if p.damaged.Swap(false) || p.busy != "" || p.bench.target.Server.Scope == scenario.PerScenario || failed(results) {
		p.bench.discard()
	}
	return results
}

func failed(results []outcome.Result) bool {
	return slices.ContainsFunc(results, func(r outcome.Result) bool { return r.Verdict == outcome.Fail })
}

// played returns the results of what was reached.
func played(takes []take) []outcome.Result {
	var results []outcome.Result
	for _, t := range takes {
		if t.Verdict != "" {
			results = append(results, t.Result)
		}
	}
	if missing := len(takes) - len(results); missing > 0 && len(results) > 0 {
		last := &results[len(results)-1]
		last.Notes = append(last.Notes, fmt.Sprintf("%d more variants were not played after so many failures", missing))
	}
	return results
}

// rounds is how many times its width a batch of variants has. After each batch a
// server that burns a processor with nobody to talk to is replaced: what it keeps
// of every conversation would slow down the next ones more and more.
const rounds = 2

// together plays the variants side by side, batch by batch, until there are
// enough suspects. The first one goes ahead: where it hangs, the others do not
// hang all at once.
func (p *play) together(ctx context.Context, variants []scenario.Variant) []take {
	takes := make([]take, len(variants))
	width, step := 1, 1
	for from := 0; from < len(variants) && !p.enoughIsKnown(ctx); {
		to := min(from+step, len(variants))
		p.batch(ctx, variants[from:to], takes[from:to], width)
		if to < len(variants) && !p.enoughIsKnown(ctx) && p.burns(ctx) {
			if p.believed("cpu") {
				return takes
			}
			p.bench.discard()
		}
		p.tidy()
		if from == 0 && !takes[0].hung {
			width = p.width(variants)
			step = rounds * width
		}
		from = to
	}
	return takes
}

// tidy replaces a server that a conversation has hung with, unless it is known
// not to serve at all.
func (p *play) tidy() {
	if p.littered.Swap(false) && !p.damaged.Load() {
		p.bench.discard()
	}
}

func (p *play) batch(ctx context.Context, variants []scenario.Variant, takes []take, width int) {
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
			takes[i] = p.one(ctx, v, 1)
			p.weigh(takes[i])
		})
	}
}

// weigh counts a suspect, by what more like it would cost.
func (p *play) weigh(t take) {
	switch {
	case !t.suspect():
	case t.hung && p.bench.suspected():
		p.suspects.Add(p.enough())
	case t.hung:
		p.suspects.Add(max(1, p.enough()/enoughHangs))
	default:
		p.suspects.Add(1)
	}
}

// enoughIsKnown reports whether playing on together would be for nothing.
func (p *play) enoughIsKnown(ctx context.Context) bool {
	return ctx.Err() != nil || p.suspects.Load() >= p.enough() || p.damaged.Load()
}

func (p *play) enough() int64 {
	if p.believed("") {
		return 1
	}
	if p.kase.Role == scenario.Client {
		return enoughRuns
	}
	return enough
}

// width is how many variants may run at a time: one where they act on the
// server process itself, and no more than the server lets in.
func (p *play) width(variants []scenario.Variant) int {
	switch {
	case slices.ContainsFunc(variants, func(v scenario.Variant) bool { return v.Act != nil }):
		return 1
	case p.kase.Role == scenario.Client || p.bench.target.Client.Dialogue == nil:
		return p.runner.config.Clients
	}
	return p.bench.bearable(p.runner.config.Servers)
}

// one plays one variant and judges it, while nobody claims the machine. The
// budget is stretched by the factor.
func (p *play) one(ctx context.Context, v scenario.Variant, factor int) take {
	release := p.runner.machine.share(ctx)
	defer release()
	return p.alone(ctx, v, factor)
}

// alone is one for who has claimed the machine.
func (p *play) alone(ctx context.Context, v scenario.Variant, factor int) take {
	start := time.Now()
	kase := p.kase
	kase.Budget *= time.Duration(factor)
	if v.Script != nil {
		whole := kase.Conversation
		kase.Conversation = scenario.ScriptedConversation(v.Script)
		kase.Conversation.Stdout, kase.Conversation.Exit, kase.Conversation.Output = whole.Stdout, whole.Exit, whole.Output
	}
	level := p.scenario.Level
	if v.Level != "" {
		level = v.Level
	}
	t := take{budget: kase.Budget + v.Budget, Result: outcome.Result{Target: kase.Target.Name, Scenario: p.scenario.ID, Variant: v.Name, Level: level}}
	observation, err := p.observe(ctx, kase, v)
	t.Elapsed = outcome.MillisOf(time.Since(start))
	if ctx.Err() != nil {
		return take{} // nobody knows what would have become of it
	}
	if err != nil {
		t.Verdict, t.Message = outcome.Invalid, err.Error()
		return t
	}
	if observation.Hung() {
		p.littered.Store(true)
	}
	if observation.Died() || observation.Fresh != nil {
		p.damaged.Store(true)
	}
	t.lesser, t.problem = judge(&t.Result, v, observation)
	t.hung, t.spun, t.starved = observation.Hung(), observation.Spun(), observation.Starved
	t.timed = observation.Timed() && !errors.As(observation.ActError, new(*stuckError))
	return t
}

// name is unique among the proxies of the play.
func (p *play) name(v scenario.Variant) string {
	return fmt.Sprintf("%s %s %s", p.bench.target.Name, p.scenario.ID, v.Name)
}
