package rig

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/sockharness/harness/harness/await"
	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/sleep"
	"github.com/sockharness/harness/harness/sock"
)

const (
	// idleAfterRequest is for how long nothing must have moved once the whole request has
	// left, before a server that does not answer may be waiting forever. The proof
	// itself sees what is under way in the kernel.
	idleAfterRequest = 20 * time.Millisecond
	// idleBeforeRequest is the same while our request has not left: we may not have had a
	// processor.
	idleBeforeRequest = 500 * time.Millisecond
	// proofRetryMin is how soon it is tried to prove that; where it fails, how soon it is tried
	// again grows up to proofRetryMax: each attempt walks through the kernel's tables.
	proofRetryMin = 30 * time.Millisecond
	proofRetryMax = 8 * proofRetryMin
)

var errNoDialogue = errors.New("the target has no dialogue")

// FirstExchange implements [scenario.Rig].
func (a *rig) FirstExchange(ctx context.Context) error {
	conn, err := a.DialServer(ctx)
	if err != nil {
		return err
	}
	return a.FirstExchanges(ctx, conn)
}

// FirstExchanges implements [scenario.Rig].
func (a *rig) FirstExchanges(ctx context.Context, conns ...sock.Conn) error {
	if a.setup.testbed.script == nil {
		return errNoDialogue
	}
	if len(conns) > 1 && !a.setup.testbed.State().Separate() {
		return a.askInTurn(ctx, conns)
	}
	first := scenario.FirstExchanges(a.setup.testbed.script, 1)
	all := make(countingConns, len(conns))
	for i, conn := range conns {
		all[i] = newTraffic(conn, first)
	}
	ctx, stop := a.WatchProgress(ctx, all.allIdle, all.bytesMoved)
	defer stop()
	failed := make([]error, len(all))
	var wg sync.WaitGroup
	for i, t := range all {
		wg.Go(func() {
			defer t.over.Store(true)
			defer t.Close()
			failed[i] = a.setup.testbed.acceptMismatch(playClient(ctx, first, t))
		})
	}
	wg.Wait()
	for i, err := range failed {
		if err != nil && len(failed) > 1 {
			return fmt.Errorf("client %d of %d: %w", i+1, len(failed), err)
		} else if err != nil {
			return err
		}
	}
	return nil
}

// askInTurn is Ask where conversations share state.
func (a *rig) askInTurn(ctx context.Context, conns []sock.Conn) error {
	for i, conn := range conns {
		if err := a.FirstExchanges(ctx, conn); err != nil {
			return fmt.Errorf("client %d of %d: %w", i+1, len(conns), err)
		}
		AwaitReleased(ctx, conn)
	}
	return nil
}

// playClient plays the client of the script.
func playClient(ctx context.Context, script *dialogue.Script, conn sock.Conn) error {
	played := script.PlayClient(ctx, conn, dialogue.Options{NoEnd: true})
	switch {
	case played.Mismatch != nil:
		return played.Mismatch
	case played.Steps < len(script.Steps):
		return describeNoReply(ctx, played)
	}
	return nil
}

// describeNoReply says why there is no answer.
func describeNoReply(ctx context.Context, played dialogue.Played) error {
	if ctx.Err() != nil {
		return fmt.Errorf("no answer: %w", context.Cause(ctx))
	}
	return fmt.Errorf("%w, but %s", scenario.ErrNoAnswer, played.Ending.Text())
}

// WatchProgress implements [scenario.Rig].
func (a *rig) WatchProgress(ctx context.Context, idle func() bool, moved func() int64) (limited context.Context, stop func()) {
	w := await.Wait{Budget: a.setup.tc.Budget, PIDs: a.setup.testbed.ProcessTree, Services: a.setup.testbed.programs.ServiceTree, Moved: moved, SpinAfter: a.setup.options.SpinAfter}
	alive, leave := ctx, func() {}
	if a.setup.testbed.transport() == scenario.UDP {
		alive, leave = a.setup.testbed.untilServerEnds(ctx)
	}
	budget, release := w.Start(alive)
	limited, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		cancel(a.awaitOverdue(ctx, budget, w, idle))
	}()
	return limited, func() { release(); leave(); <-done }
}

// awaitOverdue blocks until the budget's context is over or the proof is found, and
// returns why a wait is over.
func (a *rig) awaitOverdue(ctx, budget context.Context, w await.Wait, idle func() bool) error {
	w.Idle, w.ProofSlot = idle, a.setup.testbed.config.Shared.proofSlot
	for pause := proofRetryMin; sleep.For(budget, pause) && len(w.PIDs()) > 0; pause = min(pause*3/2, proofRetryMax) {
		if stuck := w.ProveStuck(budget, 0); stuck != nil {
			return fmt.Errorf("it is proven that %w", stuck)
		}
	}
	<-budget.Done()
	switch cause := context.Cause(budget); {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(cause, errServerEnded):
		return cause
	case errors.Is(cause, await.ErrSpin):
		return fmt.Errorf("the server %w: it uses a full CPU while no data moves", cause)
	default:
		return &await.LateError{Budget: w.Budget, Cause: cause}
	}
}
