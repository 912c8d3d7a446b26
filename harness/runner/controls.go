package runner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/rig"
	"github.com/sockharness/harness/harness/scenario"
)

// runControls holds the control conversation twice: only what is the same in both can be compared
// later. Then it finds out whether two conversations at once disturb each other.
func (t *targetRun) runControls(ctx context.Context) (scenario.Conversation, error) {
	if t.isScriptedForClient() {
		if both, ok := t.runControlsSideBySide(ctx); ok {
			return both, nil
		}
	}
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
	first = compareControls(first, second)
	t.SettleSockets(ctx)
	if err = t.findState(ctx, &first); err == nil {
		t.controlRecording = nil // the control has passed: it is not needed
	}
	if err == nil && first.State == scenario.StateProcess && !t.hasServerProcess() && t.target.TestsRole(scenario.Server) {
		err = errNotAfresh
	}
	return first, err
}

// compareControls returns the first of two conversations, with what both together tell.
func compareControls(first, second scenario.Conversation) scenario.Conversation {
	first.Output = scenario.CompareOutputs(first.Stdout, second.Stdout)
	first.Took = max(first.Took, second.Took)
	first.CPU = max(first.CPU, second.CPU)
	return first
}

// runControlsSideBySide is runControls for a client program whose server is a dialogue. It returns
// false where one of the two fails: some clients cannot run twice at the same time.
func (t *targetRun) runControlsSideBySide(ctx context.Context) (scenario.Conversation, bool) {
	var controls [2]rig.Control
	var failed [2]error
	var wg sync.WaitGroup
	for i := range controls {
		wg.Go(func() { controls[i], failed[i] = t.HoldControl(ctx) })
	}
	wg.Wait()
	if errors.Join(failed[:]...) != nil {
		return scenario.Conversation{}, false
	}
	for _, c := range controls {
		t.noteControl(c)
	}
	t.controlRecording = nil // the control has passed: it is not needed
	return compareControls(controls[0].Conversation, controls[1].Conversation), true
}

// hasServerProcess reports whether the server is a process of ours that runs.
func (t *targetRun) hasServerProcess() bool {
	process, _ := t.ServerProcess()
	return process != nil
}

// runControl holds the conversation once, and keeps what results will show of it.
func (t *targetRun) runControl(ctx context.Context) (scenario.Conversation, error) {
	c, err := t.HoldControl(ctx)
	t.noteControl(c)
	return c.Conversation, err
}

func (t *targetRun) noteControl(c rig.Control) {
	events := c.Events[:min(len(c.Events), maxEvents)]
	if t.controlEvents.CompareAndSwap(nil, &events) {
		t.requests = c.Requests
	}
	if c.Recording != nil {
		t.controlRecording = c.Recording
	}
	if c.PastProxy > 0 {
		t.pastProxy = "without a fault: " + rig.SayPastProxy(c.PastProxy)
	}
}

// attachControl puts the control into the first result that failed.
func (t *targetRun) attachControl(results []outcome.Result) {
	events := t.controlEvents.Load()
	i := slices.IndexFunc(results, func(r outcome.Result) bool { return r.Verdict == outcome.Fail && len(r.Events) > 0 })
	if events != nil && i >= 0 {
		results[i].Control = *events
	}
}
