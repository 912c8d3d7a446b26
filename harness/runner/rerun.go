package runner

import (
	"context"
	"sync"

	"github.com/sockharness/harness/harness/scenario"
)

// cleanFactor is by what the budget of a variant is multiplied that is played again.
const cleanFactor = 2

// runOnCleanServer plays a variant by itself, on an intact server.
func (p *scenarioRun) runOnCleanServer(ctx context.Context, v scenario.Variant) attempt {
	p.ensureClean()
	return p.runShared(ctx, v, cleanFactor)
}

// ensureClean replaces a server that is not intact.
func (p *scenarioRun) ensureClean() {
	littered, damaged := p.dirty.Swap(false), p.broken.Swap(false)
	if littered || damaged || p.target.State() == scenario.StateProcess {
		p.target.DiscardServer()
	}
}

// runRepeatedly plays a variant n times with a larger budget. If possible the runs are side by side,
// each with peers of its own.
func (p *scenarioRun) runRepeatedly(ctx context.Context, v scenario.Variant, n int, sideBySide bool) []attempt {
	attempts := make([]attempt, n)
	if !sideBySide || !p.target.CanRunTwice() {
		for i := range attempts {
			attempts[i] = p.runOnCleanServer(ctx, v)
		}
		return attempts
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	for i := range attempts {
		wg.Go(func() {
			clone := p.clone()
			defer clone.target.closeAll()
			attempts[i] = clone.runShared(ctx, v, cleanFactor)
		})
	}
	return attempts
}

// runExclusive plays a variant by itself, while no worker of the run plays anything else.
// First is done before it, under the same claim; it may be nil.
func (p *scenarioRun) runExclusive(ctx context.Context, v scenario.Variant, first func(context.Context)) attempt {
	p.ensureClean()
	release := p.runner.machine.Lock(ctx)
	defer release()
	if first != nil {
		first(ctx)
	}
	return p.runLocked(ctx, v, cleanFactor)
}
