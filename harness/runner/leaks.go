package runner

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/probe"
	"github.com/sockharness/harness/harness/scenario"
)

const (
	// leakWidth is how many conversations of a round run at a time. A pool of resources cannot
	// grow in more rounds than that.
	leakWidth = 2
	// leakConversations is how many conversations a round has; less where each takes
	// slowConversation, or verySlowConversation.
	leakConversations     = 16
	slowConversations     = 8
	verySlowConversations = 4
	slowConversation      = 150 * time.Millisecond
	verySlowConversation  = time.Second
	// memoryConversations is the same for the memory, at least.
	memoryConversations = 24

	// Rounds that come after longerAfter have four times as many: threads must grow
	// over many conversations.
	longerAfter = 4
	// mostLeakRounds and mostLeakTime bound the search for a leak. Rounds of a slow server add
	// up to the 256 conversations over which threads must grow. If every round has grown, the
	// time is doubled.
	mostLeakRounds = 12
	mostLeakTime   = 30 * time.Second

	// releaseTime is how long a server that holds more than before may take to release
	// the next bit; finalRelease is the same before it is a leak.
	releaseTime  = 300 * time.Millisecond
	finalRelease = time.Second
	// mostRelease bounds how long it may go on releasing.
	mostRelease = 10 * time.Second
)

// measureLeaks compares two quick measurements first. If something seems to have grown, it is
// measured over more rounds of the same. If the server process is not the one of the first
// measurement, only the rounds count.
func (p *scenarioRun) measureLeaks(ctx context.Context, before *usageAt, variants []scenario.Variant, played []outcome.Result) (r scenario.LeakRounds) {
	variants = slices.DeleteFunc(slices.Clone(variants), func(v scenario.Variant) bool { return v.Run != nil })
	if len(variants) == 0 {
		return r
	}
	groups := byConnection(variants)
	seems, now := p.awaitRelease(ctx, before, smallestGroup(groups, len(played)), releaseTime, probe.MeasureFast)
	if now != nil && !worthMoreRounds(seems) && seems.Memory <= scenario.LeastMemory || now == nil && anyFailed(played) {
		return r
	}
	for i := 0; i < len(groups) && r.Trend() != scenario.Leaking && (now == nil || worthMoreRounds(seems)); i++ {
		r.Rounds = nil
		p.countRounds(ctx, groups[i], averageTime(played), &r)
	}
	if now != nil && seems.Memory > scenario.LeastMemory && r.Trend() != scenario.Leaking {
		p.memoryRounds(ctx, variants, len(played), &r)
	}
	return r
}

// byConnection divides variants by the connection, or its plaintext before TLS, that their faults are
// for: what one group leaves behind must not be averaged over all.
func byConnection(variants []scenario.Variant) (groups [][]scenario.Variant) {
	for _, v := range variants {
		n := 2 * v.Data
		if v.Before {
			n++
		}
		for n >= len(groups) {
			groups = append(groups, nil)
		}
		groups[n] = append(groups[n], v)
	}
	return slices.DeleteFunc(groups, func(g []scenario.Variant) bool { return len(g) == 0 })
}

// smallestGroup returns how many variants the smallest group has.
func smallestGroup(groups [][]scenario.Variant, all int) int {
	if len(groups) < 2 {
		return all
	}
	smallest := slices.MinFunc(groups, func(a, b []scenario.Variant) int { return cmp.Compare(len(a), len(b)) })
	return min(all, len(smallest))
}

// countRounds plays rounds until they tell whether descriptors, threads and children grow.
func (p *scenarioRun) countRounds(ctx context.Context, variants []scenario.Variant, each time.Duration, r *scenario.LeakRounds) {
	width := min(leakWidth, p.batchWidth(variants))
	began := time.Now()
	until := began.Add(2 * mostLeakTime)
	now := p.measureNow(probe.MeasureUsage)
	for now != nil && len(r.Rounds) < mostLeakRounds && time.Now().Before(until) {
		conversations := roundSize(len(r.Rounds), each)
		var g scenario.Growth
		g, now = p.repeatRound(ctx, now, spreadVariants(variants, conversations), width, len(r.Rounds) >= 2)
		if now == nil || g.Conversations == 0 {
			return
		}
		if r.Rounds = append(r.Rounds, g); r.Trend() != scenario.Unclear {
			return
		}
		if !worthMoreRounds(g) {
			until = began.Add(mostLeakTime)
		}
	}
}

// roundSize is the number of conversations in a round. Before is how many rounds there were,
// each is how long one conversation takes.
func roundSize(before int, each time.Duration) int {
	n := leakConversations
	switch {
	case each >= verySlowConversation:
		n = verySlowConversations
	case each >= slowConversation:
		n = slowConversations
	}
	if before >= longerAfter {
		n *= 4
	}
	return n
}

// memoryRounds plays two rounds that are long enough for the memory to tell.
func (p *scenarioRun) memoryRounds(ctx context.Context, variants []scenario.Variant, conversations int, r *scenario.LeakRounds) {
	more := spreadVariants(variants, max(memoryConversations, conversations))
	now := p.measureNow(probe.MeasureUsage)
	for range 2 {
		if now == nil {
			return
		}
		var g scenario.Growth
		if g, now = p.repeatRound(ctx, now, more, p.batchWidth(variants), true); now != nil {
			r.Memory = append(r.Memory, g)
		}
	}
}

// repeatRound plays the variants once, and returns how much more the server holds after that. Final
// says that a leak in this round is a failure.
func (p *scenarioRun) repeatRound(ctx context.Context, before *usageAt, variants []scenario.Variant, width int, final bool) (scenario.Growth, *usageAt) {
	p.suspects.Store(0)
	attempts := make([]attempt, len(variants))
	p.runBatch(ctx, variants, attempts, width)
	if ctx.Err() != nil {
		return scenario.Growth{}, nil
	}
	conversations := 0
	for _, t := range attempts {
		if t.Verdict != "" {
			conversations++
		}
	}
	patience := releaseTime
	if final {
		patience = finalRelease
		if idle := p.tc.Target.Policies.IdleTimeout; idle < mostRelease/2 {
			patience += idle // it may hold its resources until then
		}
	}
	return p.awaitRelease(ctx, before, conversations, patience, probe.MeasureUsage)
}

// spreadVariants returns n variants, spread evenly over all. If there are less, it repeats some.
func spreadVariants(variants []scenario.Variant, n int) []scenario.Variant {
	more := make([]scenario.Variant, n)
	for i := range more {
		if len(variants) <= n {
			more[i] = variants[i%len(variants)]
		} else {
			more[i] = variants[i*len(variants)/n]
		}
	}
	return more
}

func averageTime(played []outcome.Result) time.Duration {
	var sum time.Duration
	for _, r := range played {
		sum += r.Elapsed.ToDuration()
	}
	return sum / time.Duration(max(1, len(played)))
}
