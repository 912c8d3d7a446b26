package runner

import (
	"context"
	"strings"
	"time"

	"github.com/sockharness/harness/harness/probe"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/sleep"
)

// awaitRelease waits until the server holds as little as before, or has released nothing for the
// given time. It returns how much more it holds then; nil if it is another process now, or has
// ended.
func (p *scenarioRun) awaitRelease(ctx context.Context, before *usageAt, conversations int, patience time.Duration,
	look func([]int) (probe.Usage, error)) (scenario.Growth, *usageAt) {
	const longest = 100 * time.Millisecond
	pause := 5 * time.Millisecond
	start := time.Now()
	least, since := -1, start
	for ; ; pause = min(2*pause, longest) {
		now := p.measureNow(look)
		if now == nil || now.pid != before.pid {
			return scenario.Growth{}, nil
		}
		g := growthOf(now.usage.GrowthSince(before.usage), conversations)
		if held := g.Descriptors + g.Threads + g.Zombies; least < 0 || held < least {
			least, since = held, time.Now()
		}
		if !worthMoreRounds(g) && g.Memory <= scenario.LeastMemory || time.Since(since) > patience ||
			time.Since(start) > max(patience, mostRelease) || !sleep.For(ctx, pause) {
			return g, now
		}
	}
}

func growthOf(g probe.Growth, conversations int) scenario.Growth {
	const told = 4
	return scenario.Growth{Conversations: conversations, Descriptors: g.Descriptors, CloseWait: g.CloseWait, Threads: g.Threads,
		Zombies: g.Zombies, Memory: g.Memory, What: strings.Join(g.Opened[:min(len(g.Opened), told)], "; ")}
}

// worthMoreRounds reports whether something has grown enough to measure over more conversations.
func worthMoreRounds(g scenario.Growth) bool {
	for _, n := range []int{g.Descriptors, g.CloseWait, g.Threads, g.Zombies} {
		if scenario.GrowsPerConversation(n, g) {
			return true
		}
	}
	return false
}
