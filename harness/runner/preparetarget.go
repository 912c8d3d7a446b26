package runner

import (
	"context"
	"fmt"
	"time"

	"github.com/sockharness/harness/harness/rig"
	"github.com/sockharness/harness/harness/scenario"
)

// caseOf limits sweeps of clients, and in a zoo those of servers that are started for each
// conversation: each variant costs a process.
func (r *Runner) caseOf(b *targetRun, s scenario.Scenario, role scenario.Role) scenario.Case {
	limit := r.config.Sweep
	eachStarts := b.target.Transport().IsStdio() && r.config.Zoo
	if role == scenario.Client || b.target.Client.Dialogue == nil || eachStarts {
		limit = max(8, limit/4)
	}
	conversation := b.Conversation()
	c := scenario.Case{Target: b.target, Role: role, Conversation: conversation, Budget: conversation.ResponseBudget(r.config.Budget), Limit: limit}
	switch {
	case b.knownHanging(s):
		c.Budget /= zooBudgetDivisor
	case c.Budget > r.config.Budget:
		c.Slow = fmt.Sprintf("the conversation takes %s without a fault, so the time limit is %s instead of %s",
			conversation.Took.Round(time.Millisecond), c.Budget.Round(time.Millisecond), r.config.Budget)
	}
	return c
}

// prepareTarget returns the target's peers, started, and their control conversation.
// It stops the server of the target before: a broken one may keep a processor busy.
func (r *Runner) prepareTarget(ctx context.Context, t scenario.Target) (*targetRun, error) {
	r.mu.Lock()
	before := r.current
	if before == nil || !before.isOf(t) {
		if r.current = r.sibling.cloneTarget(t, r.shared); r.current == nil {
			r.current = newTargetRun(r.config, r.shared, t)
		}
	}
	b := r.current
	r.mu.Unlock()
	if before != nil && before != b {
		before.closeAll()
	}
	return b, b.ensureReady(ctx)
}

// cloneTarget returns another testbed of the target, with what is known of it, if r plays to
// it now.
func (r *Runner) cloneTarget(t scenario.Target, s *rig.Shared) *targetRun {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	b := r.current
	r.mu.Unlock()
	if b == nil || !b.isOf(t) {
		return nil
	}
	return b.clone(s)
}
