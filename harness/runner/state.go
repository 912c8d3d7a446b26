package runner

import (
	"context"
	"errors"
	"fmt"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/rig"
	"github.com/sockharness/harness/harness/scenario"
)

// The remarks on state that the target does not declare.
const (
	sharedText  = "conversations share state: concurrent ones fail without any fault, so only one at a time ran on each server process"
	processText = "state outlives a conversation: the next one fails without any fault, so each one got a fresh server process"
)

// errNotAfresh is for state that outlives a conversation, on a server that the harness
// cannot start.
var errNotAfresh = fmt.Errorf("%w: state outlives a conversation, and the harness cannot restart this server; give each conversation its own keys with ${connection}", rig.ErrControl)

// findState finds out whether conversations disturb each other, and what can be played
// beside one nevertheless.
func (t *targetRun) findState(ctx context.Context, c *scenario.Conversation) error {
	if c.State == "" {
		c.State = t.target.State
	}
	script := t.Script()
	if script == nil || len(script.Steps) == 0 || t.target.Client.Dialogue == nil || !t.target.TestsRole(scenario.Server) || t.target.Server.Dialogue != nil {
		return nil
	}
	conversations := trial{dial: t.Dial, script: script, pids: t.ProcessTree, budget: max(trialPatience, 4*c.Took)}
	if c.State == "" && !script.Distinct() {
		c.State = conversations.state(ctx, c.Took)
		t.remarkState(c.State)
	}
	if c.State.Separate() {
		return nil
	}
	if err := t.cleanUp(ctx); err != nil {
		return err
	}
	c.Staggered = conversations.countStaggered(ctx)
	if c.State == scenario.StateShared {
		c.Beside = conversations.harmlessExchange(ctx)
	}
	return t.cleanUp(ctx)
}

// cleanUp is Renew, because a trial may have left state behind. A server that chooses its port itself
// is kept: it may not get the same port again.
func (t *targetRun) cleanUp(ctx context.Context) error {
	if !t.CanRunTwice() {
		return nil
	}
	return t.Renew(ctx)
}

// remarkState adds a remark on a state that was found and is not declared.
func (t *targetRun) remarkState(state scenario.State) {
	switch state {
	case scenario.StateShared:
		t.remarks = append(t.remarks, outcome.Remark{Text: sharedText, Declare: "state: shared (or write ${connection} in the dialogue)"})
	case scenario.StateProcess:
		t.remarks = append(t.remarks, outcome.Remark{Text: processText, Declare: "state: process (or write ${connection} in the dialogue)"})
	}
}

// explainSecondFailure is for a second conversation that goes wrong. If it got another answer, and a
// fresh process gives the right one, then the first conversation has left state behind.
func (t *targetRun) explainSecondFailure(ctx context.Context, second error) error {
	script := t.Script()
	undeclared := script != nil && t.target.State == "" && !script.Distinct()
	if !undeclared || !errors.As(second, new(*dialogue.Mismatch)) || !t.target.TestsRole(scenario.Server) || t.target.Server.Dialogue != nil {
		return second
	}
	if !t.hasServerProcess() {
		return fmt.Errorf("%w; the first conversation may have left state behind; give each conversation its own keys with ${connection}", second)
	}
	if err := t.Renew(ctx); err != nil {
		return err
	}
	if _, err := t.runControl(ctx); err != nil {
		return second
	}
	return nil
}

// besideAfresh is how many processes are started at a time where state outlives a conversation.
const besideAfresh = 4

// maxBeside returns how many variants may be played at a time; most is the limit.
func (t *targetRun) maxBeside(most int) int {
	switch {
	case t.State().Separate():
		return most
	case t.State() == scenario.StateProcess && t.CanRunTwice():
		return min(most, besideAfresh)
	}
	return 1
}

// leastBatch is the least width from which the size of a batch follows, even if variants run one at a time.
func (t *targetRun) leastBatch() int {
	if t.State().Separate() {
		return 1
	}
	return t.config.Servers
}

// runOnFreshProcess plays a variant to a process that has held no conversation before.
func (p *scenarioRun) runOnFreshProcess(ctx context.Context, v scenario.Variant, factor int) attempt {
	if v.Run != nil || !p.target.CanRunTwice() {
		p.target.DiscardServer()
		return p.runLocked(ctx, v, factor)
	}
	clone := p.clone()
	defer clone.target.closeAll()
	return clone.runLocked(ctx, v, factor)
}
