package runner

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/sockharness/harness/harness/await"
	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/sock"
)

// A trial holds conversations with one server beside each other without any fault, one exchange at a
// time. So the result does not depend on timing, and it does not hide a bug of a server that mixes
// up data that arrives in pieces.
type trial struct {
	dial   func(ctx context.Context) (sock.Conn, error)
	script *dialogue.Script
	pids   func() []int
	budget time.Duration // of each of its parts
}

const (
	// trialPatience is the least budget of a part of a trial.
	trialPatience = 300 * time.Millisecond
	// trialSlow is how long a conversation may take for the whole trial to be held.
	trialSlow = 150 * time.Millisecond
	// sideBySide is how many conversations are held in turn.
	sideBySide = 3
	// mostCandidates bounds the exchanges that are tried beside a conversation.
	mostCandidates = 6
)

// state tells whether conversations disturb each other.
func (t trial) state(ctx context.Context, took time.Duration) scenario.State {
	disturbs := func(part func(context.Context) error) bool {
		return errors.Is(t.runWithinBudget(ctx, part), errDisturbed)
	}
	if took > trialSlow {
		if disturbs(func(ctx context.Context) error { return t.inTurn(ctx, 2) }) {
			return scenario.StateShared
		}
		return scenario.StateConnection
	}
	for _, n := range t.interruptionPoints() {
		if disturbs(func(ctx context.Context) error { return t.afterLeaver(ctx, n) }) {
			return scenario.StateProcess
		}
	}
	if disturbs(func(ctx context.Context) error { return t.inTurn(ctx, sideBySide) }) {
		return scenario.StateShared
	}
	for _, n := range t.interruptionPoints() {
		if disturbs(func(ctx context.Context) error { return t.interruptAfter(ctx, n) }) {
			return scenario.StateShared
		}
	}
	return scenario.StateConnection
}

// runWithinBudget holds a part of the trial within its budget.
func (t trial) runWithinBudget(ctx context.Context, part func(context.Context) error) error {
	limited, stop := await.Wait{Budget: t.budget, PIDs: t.pids}.Start(ctx)
	defer stop()
	return part(limited)
}

// interruptionPoints returns after how many exchanges a conversation is interrupted: the first, one
// in the middle, and the last but one.
func (t trial) interruptionPoints() []int {
	n := len(t.script.Steps)
	all := slices.DeleteFunc([]int{1, n / 2, n - 1}, func(k int) bool { return k < 1 || k >= n })
	slices.Sort(all)
	return slices.Compact(all)
}

// inTurn lets n clients hold their next exchange in turn until all have ended.
func (t trial) inTurn(ctx context.Context, n int) error {
	all := make([]*session, n)
	defer func() { closeAll(all) }()
	for range t.script.Steps {
		for i := range all {
			if all[i] == nil {
				var err error
				if all[i], err = t.openSession(ctx, t.script); err != nil {
					return err
				}
			}
			if err := all[i].step(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// interruptAfter holds a whole conversation after the first n exchanges of another one.
func (t trial) interruptAfter(ctx context.Context, n int) error {
	outer, err := t.openSession(ctx, t.script)
	if err != nil {
		return err
	}
	defer outer.close()
	if err := outer.steps(ctx, n); err != nil {
		return err
	}
	if err := t.holdConversation(ctx); err != nil {
		return err
	}
	return outer.steps(ctx, len(t.script.Steps))
}

// afterLeaver holds a whole conversation when a client has left after n exchanges.
func (t trial) afterLeaver(ctx context.Context, n int) error {
	leaver, err := t.openSession(ctx, t.script)
	if err != nil {
		return err
	}
	err = leaver.steps(ctx, n)
	leaver.close()
	if err != nil {
		return nil // the smaller n have shown what those leave behind
	}
	return t.holdConversation(ctx)
}

func (t trial) holdConversation(ctx context.Context) error {
	s, err := t.openSession(ctx, t.script)
	if err != nil {
		return err
	}
	defer s.close()
	return s.steps(ctx, len(t.script.Steps))
}

func closeAll(all []*session) {
	for _, s := range all {
		if s != nil {
			s.close()
		}
	}
}

// countStaggered returns how many exchanges a second client can hold, each after one more of
// the first client's, until they disturb each other.
func (t trial) countStaggered(ctx context.Context) (n int) {
	_ = t.runWithinBudget(ctx, func(ctx context.Context) error {
		all := make([]*session, 2)
		defer func() { closeAll(all) }()
		for i := range all {
			var err error
			if all[i], err = t.openSession(ctx, t.script); err != nil {
				return err
			}
		}
		if err := all[0].step(ctx); err != nil {
			return err
		}
		for ; n+1 < len(t.script.Steps); n++ {
			for _, s := range all {
				if err := s.step(ctx); err != nil {
					return err
				}
			}
		}
		return nil
	})
	return n
}

// harmlessExchange returns an exchange that another client can hold before, between and after those of
// a conversation without changing it; nil: there is none.
func (t trial) harmlessExchange(ctx context.Context) *dialogue.Script {
	for i := range min(len(t.script.Steps), mostCandidates) {
		one := *t.script
		one.Steps, one.End, one.Partial = t.script.Steps[i:i+1], dialogue.ClientCloses, true
		whole := scenario.IsWholeRequest(t.script, i)
		if whole && t.runWithinBudget(ctx, func(ctx context.Context) error { return t.repeatBetween(ctx, &one) }) == nil {
			return &one
		}
	}
	return nil
}

// repeatBetween holds the one exchange, on a connection of its own each time, between all
// the others.
func (t trial) repeatBetween(ctx context.Context, one *dialogue.Script) error {
	outer, err := t.openSession(ctx, t.script)
	if err != nil {
		return err
	}
	defer outer.close()
	for i := 0; ; i++ {
		other := t
		other.script = one
		if err := other.holdConversation(ctx); err != nil {
			return err
		}
		if i == len(t.script.Steps) {
			return nil
		}
		if err := outer.step(ctx); err != nil {
			return err
		}
	}
}
