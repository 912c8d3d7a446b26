package runner

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/probe"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/sleep"
)

// The remarks on state that the target does not declare.
const (
	sharedText  = "conversations share state: concurrent ones fail without any fault, so only one at a time ran on each server process"
	processText = "state outlives a conversation: the next one fails without any fault, so each one got a fresh server process"
)

// errNotAfresh is for state that outlives a conversation, on a server that the harness
// cannot start.
var errNotAfresh = fmt.Errorf("%w: state outlives a conversation, and the harness cannot restart this server; give each conversation its own keys with ${connection}", errControl)

// findState finds out whether conversations disturb each other, and what can be played
// beside one nevertheless.
func (b *testbed) findState(ctx context.Context, c *scenario.Conversation) error {
	if c.State == "" {
		c.State = b.target.State
	}
	if b.script == nil || len(b.script.Steps) == 0 || b.target.Client.Dialogue == nil || !b.target.TestsRole(scenario.Server) || b.target.Server.Dialogue != nil {
		return nil
	}
	t := trial{address: b.address, dial: b.dialTarget, secure: b.secure, script: b.script, pids: b.pidsLocked(), budget: max(trialPatience, 4*c.Took)}
	if c.State == "" && !b.script.Distinct() {
		c.State = t.state(ctx, c.Took)
		b.remarkState(c.State)
	}
	if c.State.Separate() {
		return nil
	}
	if err := b.cleanLocked(ctx); err != nil {
		return err
	}
	t.address, t.pids = b.address, b.pidsLocked()
	c.Staggered = t.countStaggered(ctx)
	if c.State == scenario.StateShared {
		c.Beside = t.harmlessExchange(ctx)
	}
	return b.cleanLocked(ctx)
}

// cleanLocked is renewLocked for what a trial may have left behind. A server on a port
// of its own is kept: it may not get the port a second time.
func (b *testbed) cleanLocked(ctx context.Context) error {
	if !b.canRunTwice() {
		return nil
	}
	return b.renewLocked(ctx)
}

// remarkState tells of a state that was found and is not declared.
func (b *testbed) remarkState(state scenario.State) {
	switch state {
	case scenario.StateShared:
		b.remarks = append(b.remarks, outcome.Remark{Text: sharedText, Declare: "state: shared (or write ${connection} in the dialogue)"})
	case scenario.StateProcess:
		b.remarks = append(b.remarks, outcome.Remark{Text: processText, Declare: "state: process (or write ${connection} in the dialogue)"})
	}
}

// explainSecondFailure is for a second conversation that goes wrong. Where it got another answer,
// and a fresh process gives the right one, the first has left something behind.
func (b *testbed) explainSecondFailure(ctx context.Context, second error) error {
	undeclared := b.script != nil && b.target.State == "" && !b.script.Distinct()
	if !undeclared || !errors.As(second, new(*dialogue.Mismatch)) || !b.target.TestsRole(scenario.Server) || b.target.Server.Dialogue != nil {
		return second
	}
	if b.server == nil {
		return fmt.Errorf("%w; the first conversation may have left state behind; give each conversation its own keys with ${connection}", second)
	}
	if err := b.renewLocked(ctx); err != nil {
		return err
	}
	if _, err := b.runControl(ctx); err != nil {
		return second
	}
	return nil
}

// renewLocked starts the server afresh, if it is a process of ours.
func (b *testbed) renewLocked(ctx context.Context) error {
	if b.server == nil {
		return nil
	}
	b.server.KillTree()
	b.server.Close()
	b.server = nil
	return b.startServerLocked(ctx)
}

// pidsLocked returns a function that lists the processes of the server that runs now.
func (b *testbed) pidsLocked() func() []int {
	server := b.server
	return func() []int {
		if server == nil {
			return nil
		}
		return server.ProcessTree()
	}
}

// state is that of the target, once it is known.
func (b *testbed) state() scenario.State { return b.conversation.State }

// mostSettling bounds the wait for a server that shares state to be through with the
// conversations before; after unsettled of them it is not awaited any more.
const (
	mostSettling = 250 * time.Millisecond
	unsettled    = 8
)

// awaitSocketsClosed waits, for a time, until a server that shares state has closed the connections
// of the conversations before: what it does for them would disturb the next one.
func (b *testbed) awaitSocketsClosed(ctx context.Context) {
	if process, _ := b.serverProcess(); !b.state().Separate() {
		b.settleSockets(ctx, process)
	}
}

// settleSockets is quiesce for a process, which may be nil, whatever its state is.
func (b *testbed) settleSockets(ctx context.Context, process *peer.Process) {
	if process == nil || b.unsettled.Load() >= unsettled {
		return
	}
	pause := 200 * time.Microsecond
	for end := time.Now().Add(mostSettling); ; pause = min(2*pause, 10*time.Millisecond) {
		n, ok := countSockets(process)
		idle := b.idleSockets.Load()
		if !ok || idle > 0 && int64(n) <= idle {
			return
		}
		if time.Now().After(end) || !sleep.For(ctx, pause) {
			b.unsettled.Add(1)
			b.idleSockets.Store(int64(n))
			return
		}
	}
}

// countSockets counts those that the server's processes have open.
func countSockets(process *peer.Process) (int, bool) {
	usage, err := probe.MeasureFast(process.ApproxTree())
	return usage.Sockets, err == nil
}

// besideAfresh is how many processes are started at a time for state that outlives a
// conversation.
const besideAfresh = 4

// maxBeside returns how many variants may be played at a time; most is the limit.
func (b *testbed) maxBeside(most int) int {
	switch {
	case b.state().Separate():
		return most
	case b.state() == scenario.StateProcess && b.canRunTwice():
		return min(most, besideAfresh)
	}
	return 1
}

// leastBatch is the least number of variants in a batch that is told from its width.
func (b *testbed) leastBatch() int {
	if b.state().Separate() {
		return 1
	}
	return b.config.Servers
}

// runOnFreshProcess plays a variant to a process that has held no conversation before.
func (p *scenarioRun) runOnFreshProcess(ctx context.Context, v scenario.Variant, factor int) attempt {
	if v.Run != nil || !p.testbed.canRunTwice() {
		p.testbed.discardServer()
		return p.runLocked(ctx, v, factor)
	}
	clone := &scenarioRun{runner: p.runner, testbed: p.testbed.cloneTestbed(), scenario: p.scenario, tc: p.tc}
	defer clone.testbed.closeAll()
	return clone.runLocked(ctx, v, factor)
}

// addRemarksTo adds to a result what no result has told yet.
func (b *testbed) addRemarksTo(results []outcome.Result) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(results) > 0 && len(b.remarks) > 0 {
		results[0].Remarks = append(results[0].Remarks, b.remarks...)
		b.remarks = nil
	}
	if len(results) > 0 && b.pastProxy != "" {
		results[0].Notes = append(results[0].Notes, b.pastProxy)
		b.pastProxy = ""
	}
}

// acceptMismatch is what a mismatch is where state is shared and others talk: an answer.
func (b *testbed) acceptMismatch(err error) error {
	if !b.state().Separate() && errors.As(err, new(*dialogue.Mismatch)) {
		return nil
	}
	return err
}
