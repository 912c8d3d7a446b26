package runner

import (
	"context"
	"errors"
	"time"

	"github.com/sockharness/harness/harness/await"
	"github.com/sockharness/harness/harness/capture"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
)

// An attempt is one execution of one variant.
type attempt struct {
	outcome.Result
	lowerLevel []scenario.Violation // of less than the result's level
	problem    bool                 // something was not as expected, whether the fault struck or not
	timedOut   bool                 // it failed only because it took too long
	late       bool                 // the only failure is another conversation with the server that took too long
	hung       bool                 // a peer hung, spun or took too long
	spunCPU    bool                 // a peer burned a processor
	stormed    bool                 // the client connected without a pause
	usualAfter int64                // how many bytes a client got on its only connection that ended as without a fault; 0: it did not end so
	satisfied  bool                 // the client waits for no more than the part of the answer that it got
	clientTook time.Duration        // from the start of a client to its end
	cpuWait    time.Duration        // how long a peer or the harness waited for a processor
	faultTime  time.Duration        // that the fault itself takes from the client's own limit
	budget     time.Duration        // of its waits; they grow by the time for which processors were short
	recordings []*capture.Recording // of a variant that did not pass, if that is wanted: of this run, and of the one that it confirms
}

func (t attempt) isSuspect() bool { return t.Verdict == outcome.Fail || t.Verdict == outcome.Invalid }

// isConfirmed reports whether the attempt, of a suspect that was played again, speaks for the others.
func (t attempt) isConfirmed() bool { return t.Verdict == outcome.Fail && !t.satisfied }

// provenHang reports whether it is known that a peer would never have ended, however long it had
// got, or that it did what no lack of processors explains.
func (t attempt) provenHang() bool { return t.hung && !t.timedOut || t.stormed }

// runShared plays one variant and judges it, while no worker has claimed the machine. The budget is
// multiplied by the factor.
func (p *scenarioRun) runShared(ctx context.Context, v scenario.Variant, factor int) attempt {
	release := p.runner.machine.RLock(ctx)
	defer release()
	if p.target.State() == scenario.StateProcess {
		return p.runOnFreshProcess(ctx, v, factor)
	}
	return p.runLocked(ctx, v, factor)
}

// runLocked is runShared for a caller that has claimed the machine.
func (p *scenarioRun) runLocked(ctx context.Context, v scenario.Variant, factor int) attempt {
	start := time.Now()
	tc := p.tc
	tc.Budget *= time.Duration(factor)
	if v.Script != nil {
		whole := tc.Conversation
		tc.Conversation = scenario.ScriptedConversation(v.Script)
		tc.Conversation.ControlRun = whole.ControlRun
	}
	if v.Data > 0 {
		tc.Conversation = dataConversation(p.tc.Conversation, v.Data)
	}
	if v.Before {
		tc.Conversation = beforeConversation(p.tc.Conversation)
	}
	level := p.scenario.Level
	if v.Level != "" {
		level = v.Level
	}
	t := attempt{budget: tc.Budget + v.Budget, Result: outcome.Result{Target: tc.Target.Name, Scenario: p.scenario.ID, Variant: v.Name, Level: level}}
	if v.Connect != nil {
		t.faultTime = v.Connect.Delay
	}
	observation, recording, err := p.observeVariant(ctx, tc, v)
	t.Elapsed = outcome.MillisOf(time.Since(start))
	if ctx.Err() != nil {
		return attempt{} // its result is not known
	}
	if err != nil {
		t.Verdict, t.Message = outcome.Invalid, err.Error()
		t.keepRecording(recording)
		return t
	}
	if observation.PeerHung() {
		p.dirty.Store(true)
	}
	if observation.ServerDied() || observation.AfterErr != nil {
		p.broken.Store(true)
	}
	t.lowerLevel, t.problem = judgeAttempt(&t.Result, v, observation)
	if t.Verdict != outcome.Pass || len(t.lowerLevel) > 0 {
		t.keepRecording(recording)
	}
	t.hung, t.spunCPU, t.cpuWait = observation.PeerHung(), observation.SpunCPU(), observation.Starved
	t.stormed = observation.Stormed()
	if run := observation.Client; run != nil {
		t.clientTook = run.Elapsed
	}
	if observation.EndedAsUsual() {
		t.usualAfter = observation.CarriedBytes(event.Downstream)
	}
	t.timedOut = observation.TimedOutUnproven() && !errors.As(observation.RunError, new(*await.StuckError))
	t.late = isLate(t.Result, observation)
	if v.Run != nil && t.isSuspect() {
		p.dirty.Store(true) // the server may keep memory that the scenario's code made it take
	}
	return t
}
