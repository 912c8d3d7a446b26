package runner

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/probe"
	"github.com/sockharness/harness/harness/scenario"
)

const (
	// settling is how long a server has to give back what it holds, before more
	// conversations must tell whether it keeps it.
	settling = 300 * time.Millisecond
	// settlingAgain is the same after those.
	settlingAgain = time.Second
	// repeated is how many conversations those are, at least.
	repeated = 8
	// burning is for how long a thread must not sleep although nobody is connected.
	burning = 250 * time.Millisecond
)

// A count is what a server process holds at one moment when nobody talks to it.
type count struct {
	pid   int
	usage probe.Usage
}

// count returns nil where the server under test is no process of ours, or where
// it cannot be looked into. Look is [probe.Measure] or [probe.Glance].
func (p *play) count(look func([]int) (probe.Usage, error)) *count {
	process, _ := p.bench.process()
	if process == nil || p.kase.Role != scenario.Server {
		return nil
	}
	usage, err := look(process.Near())
	if err != nil {
		return nil
	}
	return &count{process.Pid(), usage}
}

// repeats judges what holds over all variants of a scenario: that the server
// sleeps when nobody is connected, and that it has given back what the
// conversations took. What has grown is looked at again after more of the same.
func (p *play) repeats(ctx context.Context, before *count, variants []scenario.Variant, conversations int) []outcome.Result {
	if p.kase.Role != scenario.Server || ctx.Err() != nil || conversations == 0 {
		return nil
	}
	var r scenario.Repeats
	if p.burns(ctx); p.busy != "" {
		r.Busy = p.busy
		p.bench.hangs.Add(1)
	} else if before != nil {
		r = p.grown(ctx, before, variants, conversations)
	}
	var results []outcome.Result
	for _, v := range scenario.Violations(scenario.Observation{Case: p.kase, Repeats: &r, Acted: true}) {
		results = append(results, outcome.Result{Target: p.kase.Target.Name, Scenario: p.scenario.ID, Check: v.Oracle, Level: v.Level,
			Verdict: outcome.Fail, Message: v.Err.Error(), Stderr: p.stderr()})
	}
	return results
}

func (p *play) stderr() string {
	if process, _ := p.bench.process(); process != nil {
		return string(process.Stderr().Tail())
	}
	return ""
}

// burns reports whether the server burns a processor although nobody talks to
// it, and keeps what was seen.
func (p *play) burns(ctx context.Context) bool {
	if p.kase.Role != scenario.Server || !p.bench.busy(ctx) {
		return false
	}
	if p.busy == "" {
		b, err := probe.Spin(ctx, p.bench.tree, min(burning, p.spinning()))
		if err != nil || b.Busiest < 0.9 {
			return false
		}
		p.busy = b.String()
	}
	return true
}

// grown compares by a glance first. What seems to have grown is measured over two
// more rounds: one in which things warm up would otherwise be among them.
func (p *play) grown(ctx context.Context, before *count, variants []scenario.Variant, conversations int) scenario.Repeats {
	r := scenario.Repeats{}
	seems, now := p.settle(ctx, before, conversations, settling, probe.Glance)
	variants = slices.DeleteFunc(slices.Clone(variants), func(v scenario.Variant) bool { return v.Act != nil })
	if now == nil || !suspicious(seems) || len(variants) == 0 {
		return r
	}
	more := again(variants, max(repeated, min(conversations, 2*repeated)))
	if seems.Memory > scenario.LeastMemory {
		more = again(variants, max(3*repeated, conversations))
	}
	if now = p.count(probe.Measure); now == nil {
		return r
	}
	if r.First, now = p.round(ctx, now, more); now != nil && suspicious(r.First) {
		r.Again, now = p.round(ctx, now, more)
		r.Confirmed = now != nil && ctx.Err() == nil
	}
	return r
}

// round plays variants once more, and returns how much more the server holds then.
func (p *play) round(ctx context.Context, before *count, variants []scenario.Variant) (scenario.Growth, *count) {
	p.suspects.Store(0)
	p.batch(ctx, variants, make([]take, len(variants)), p.width(variants))
	return p.settle(ctx, before, len(variants), settlingAgain, probe.Measure)
}

// again returns n variants, one after the other from the beginning.
func again(variants []scenario.Variant, n int) []scenario.Variant {
	more := make([]scenario.Variant, n)
	for i := range more {
		more[i] = variants[i%len(variants)]
	}
	return more
}

// settle waits until the server holds no more than before, or for the time; it
// returns how much more it holds then. The count is nil where it is another
// server, or gone.
func (p *play) settle(ctx context.Context, before *count, conversations int, most time.Duration,
	look func([]int) (probe.Usage, error)) (scenario.Growth, *count) {
	const longest = 100 * time.Millisecond
	pause := 5 * time.Millisecond
	for end := time.Now().Add(most); ; pause = min(2*pause, longest) {
		now := p.count(look)
		if now == nil || now.pid != before.pid {
			return scenario.Growth{}, nil
		}
		g := growthOf(now.usage.Since(before.usage), conversations)
		if !suspicious(g) || time.Now().After(end) || !sleep(ctx, pause) {
			return g, now
		}
	}
}

func growthOf(g probe.Growth, conversations int) scenario.Growth {
	const told = 4
	return scenario.Growth{Conversations: conversations, Descriptors: g.Descriptors, CloseWait: g.CloseWait, Threads: g.Threads,
		Zombies: g.Zombies, Memory: g.Memory, What: strings.Join(g.Opened[:min(len(g.Opened), told)], "; ")}
}

// suspicious reports whether so much has grown that more conversations are worth it.
func suspicious(g scenario.Growth) bool {
	for _, n := range []int{g.Descriptors, g.CloseWait, g.Threads, g.Zombies} {
		if scenario.Grows(n, g) {
			return true
		}
	}
	return g.Memory > scenario.LeastMemory
}
