package runner

import (
	"context"
	"fmt"
	"slices"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/rig"
	"github.com/sockharness/harness/harness/scenario"
)

// runControls holds the control conversation twice: only what is the same in both
// can be compared later. Then it finds out what two at once do to each other.
func (t *targetRun) runControls(ctx context.Context) (scenario.Conversation, error) {
	first, err := t.runControl(ctx)
	if err != nil {
		return first, err
	}
	if t.target.State == scenario.StateProcess {
		if err := t.Renew(ctx); err != nil {
			return first, err
		}
	}
	t.SettleSockets(ctx)
	second, err := t.runControl(ctx)
	if err != nil {
		err = fmt.Errorf("the second time: %w", err)
		if err := t.explainSecondFailure(ctx, err); err != nil {
			return first, err
		}
		first.State = scenario.StateProcess
		t.remarkState(first.State)
	}
	first.Output = scenario.CompareOutputs(first.Stdout, second.Stdout)
	first.Took = max(first.Took, second.Took)
	first.CPU = max(first.CPU, second.CPU)
	t.SettleSockets(ctx)
	if err = t.findState(ctx, &first); err == nil {
		t.controlRecording = nil // nobody will want it
	}
	if err == nil && first.State == scenario.StateProcess && !t.hasServerProcess() && t.target.TestsRole(scenario.Server) {
		err = errNotAfresh
	}
	return first, err
}

// hasServerProcess reports whether the server is a process of ours that runs.
func (t *targetRun) hasServerProcess() bool {
	process, _ := t.ServerProcess()
	return process != nil
}

// runControl holds the conversation once, and keeps what results will show of it.
func (t *targetRun) runControl(ctx context.Context) (scenario.Conversation, error) {
	c, err := t.HoldControl(ctx)
	events := c.Events[:min(len(c.Events), maxEvents)]
	t.controlEvents.CompareAndSwap(nil, &events)
	if c.Recording != nil {
		t.controlRecording = c.Recording
	}
	if c.PastProxy > 0 {
		t.pastProxy = "without a fault: " + rig.SayPastProxy(c.PastProxy)
	}
	return c.Conversation, err
}

// attachControl puts the control into the first result that failed.
func (t *targetRun) attachControl(results []outcome.Result) {
	events := t.controlEvents.Load()
	i := slices.IndexFunc(results, func(r outcome.Result) bool { return r.Verdict == outcome.Fail && len(r.Events) > 0 })
	if events != nil && i >= 0 {
		results[i].Control = *events
	}
}
