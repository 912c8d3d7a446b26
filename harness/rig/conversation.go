package rig

import (
	"context"
	"slices"
	"time"

	"github.com/sockharness/harness/harness/await"
	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/sleep"
)

// runConversation lets the client peer hold the conversation through the proxy.
func (s *variantSetup) runConversation(ctx context.Context, v scenario.Variant, o *scenario.Observation) error {
	stop := s.openLater(ctx, v)
	defer stop()
	if s.testbed.target.Client.Dialogue == nil {
		return s.runClient(ctx, v, o)
	}
	if s.datagrams != nil {
		return s.playDatagrams(ctx, v, o)
	}
	budget, release := s.newWait(s.tc.Budget+v.Budget, v, s.testbed.ProcessTree, s.testbed.approxTree).Start(ctx)
	defer release()
	conn, err := dial(budget, s.proxyAddress())
	if err != nil {
		// The proxy resets a client whose server it cannot reach, at times before
		// connect returns. What became of the server is seen afterwards.
		o.Played = &dialogue.Played{Ending: event.Reset, ReadEnding: event.Reset, Incomplete: err.Error()}
		return nil
	}
	defer conn.Close()
	meanwhile := s.startOtherClient(ctx, v)
	if v.Before {
		s.testbed.playBoth(budget, conn, o)
	} else {
		played := s.script().PlayClient(budget, conn, s.data.addTo(dialogue.Options{Pipelined: v.Pipelined, NoEnd: v.NoEnd}))
		s.notePlayed(o, v, played)
	}
	o.Spins, o.Stuck = await.Explain(context.Cause(budget))
	o.StuckIn = await.StuckIn(context.Cause(budget))
	conn.Close()
	o.OtherClientErr = meanwhile()
	return nil
}

// newWait is for the peers while the variant is played.
func (s *variantSetup) newWait(budget time.Duration, v scenario.Variant, pids, near func() []int) await.Wait {
	w := await.Wait{Budget: budget, PIDs: pids, ApproxPIDs: near, Services: s.testbed.programs.ServiceTree, Moved: s.progressCount, ProofSlot: s.testbed.config.Shared.proofSlot,
		OnCPUWait: func(d time.Duration) { s.cpuWait.Add(int64(d)) }, SpinAfter: s.options.SpinAfter, Work: s.tc.Conversation.CPU}
	if i := newIdleDetector(s.log, v, s.testbed.target); i != nil {
		i.aside = s.aside.Load
		if i.after == quietPeriodHeld {
			i.after += s.testbed.slowStart()
		}
		w.Idle, w.NeverReads = i.isQuiet, slices.ContainsFunc(v.Faults, leavesUnread)
	}
	return w
}

// openLater opens a gate that the variant holds shut for a time.
func (s *variantSetup) openLater(ctx context.Context, v scenario.Variant) (stop func()) {
	if v.AcceptMode == scenario.Accepting || v.AcceptAfter <= 0 {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if sleep.For(ctx, v.AcceptAfter) {
			_ = (&rig{setup: s}).SetAcceptMode(scenario.Accepting)
		}
	}()
	return func() { cancel(); <-done }
}

// notePlayed keeps what was seen of a conversation, or of the data connection of it that the
// variant is for.
func (s *variantSetup) notePlayed(o *scenario.Observation, v scenario.Variant, played dialogue.Played) {
	if v.Data > 0 {
		noteData(o, v, played)
		return
	}
	o.Played = &played
	o.Shifted = played.RequestsShifted(s.tc.Conversation.Upstream.ExchangeEnds)
}

// noteData makes what was seen of a data connection what was seen.
func noteData(o *scenario.Observation, v scenario.Variant, played dialogue.Played) {
	whole := played
	o.Whole = &whole
	one := played.DataOutcome(v.Data - 1)
	o.Played = &one
}
