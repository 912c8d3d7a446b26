package runner

import (
	"context"
	"slices"
	"sync"

	"github.com/sockharness/harness/harness/scenario"
)

// batchRounds is the number of variants in a batch, as a multiple of its width. After each batch
// a server that uses a processor although no client is connected is replaced: else each
// conversation would slow down the next ones.
const batchRounds = 2

// runSideBySide plays the variants side by side, batch by batch, until there are enough suspects.
// The first variant runs alone: if it hangs, the others do not all hang at once. Of two, one would
// only wait for the other.
func (p *scenarioRun) runSideBySide(ctx context.Context, variants []scenario.Variant) []attempt {
	attempts := make([]attempt, len(variants))
	width, step := 1, 1
	if len(variants) == 2 {
		width = min(2, p.batchWidth(variants))
		step = width
	}
	for from := 0; from < len(variants) && !p.shouldStop(ctx); {
		to := min(from+step, len(variants))
		p.runBatch(ctx, variants[from:to], attempts[from:to], width)
		if to < len(variants) && !p.shouldStop(ctx) && p.checkIdleCPU(ctx) {
			if p.skipConfirmation("cpu") {
				return attempts
			}
			p.target.DiscardServer()
		}
		p.restartIfDirty()
		if from == 0 && !attempts[0].hung {
			width = p.batchWidth(variants)
			step = batchRounds * max(width, p.target.leastBatch())
		}
		from = to
	}
	return attempts
}

// restartIfDirty replaces a server with which a conversation has hung, unless it is known that it
// does not serve at all.
func (p *scenarioRun) restartIfDirty() {
	if p.dirty.Swap(false) && !p.broken.Load() {
		p.target.DiscardServer()
	}
}

func (p *scenarioRun) runBatch(ctx context.Context, variants []scenario.Variant, attempts []attempt, width int) {
	if len(variants) == 1 && !p.shouldStop(ctx) { // a goroutine would begin with a small stack
		p.runCounted(ctx, variants[0], &attempts[0])
		return
	}
	slots := make(chan struct{}, width)
	var wg sync.WaitGroup
	defer wg.Wait()
	for i, v := range variants {
		slots <- struct{}{}
		if p.shouldStop(ctx) {
			return
		}
		wg.Go(func() {
			defer func() { <-slots }()
			p.runCounted(ctx, v, &attempts[i])
		})
	}
}

// runCounted plays a variant, and counts it where it is a suspect.
func (p *scenarioRun) runCounted(ctx context.Context, v scenario.Variant, t *attempt) {
	*t = p.runShared(ctx, v, 1)
	if t.Verdict == "" {
		p.unfinished.Store(&v.Name)
	}
	p.countSuspect(*t)
}

// countSuspect counts a suspect. Its weight is what another one like it would cost.
func (p *scenarioRun) countSuspect(t attempt) {
	switch {
	case !t.isSuspect():
	case t.hung && p.target.suspectedToHang():
		p.suspects.Add(p.suspectLimit())
	case t.hung:
		p.suspects.Add(max(1, p.suspectLimit()/maxHangs))
	default:
		p.suspects.Add(1)
	}
}

// shouldStop reports whether it is useless to play more variants side by side.
func (p *scenarioRun) shouldStop(ctx context.Context) bool {
	return ctx.Err() != nil || p.suspects.Load() >= p.suspectLimit() || p.broken.Load() || p.timeIsUp()
}

func (p *scenarioRun) suspectLimit() int64 {
	if p.skipConfirmation("") {
		return 1
	}
	if p.tc.Role == scenario.Client {
		return maxClientSuspects
	}
	return maxSuspects
}

// batchWidth is how many variants may run at a time: one where they act on the server process, and
// at most what the server accepts.
func (p *scenarioRun) batchWidth(variants []scenario.Variant) int {
	switch {
	case slices.ContainsFunc(variants, func(v scenario.Variant) bool { return v.Run != nil }):
		return 1
	case p.tc.Role == scenario.Client || p.tc.Target.Client.Dialogue == nil:
		return p.runner.config.Clients
	}
	_, address := p.target.ServerProcess()
	return maxConcurrency(address, p.target.maxBeside(p.runner.config.Servers))
}
