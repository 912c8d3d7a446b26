package rig

import (
	"context"
	"time"

	"github.com/sockharness/harness/harness/await"
	"github.com/sockharness/harness/harness/capture"
	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/scenario"
)

// Options say what a variant is run for.
type Options struct {
	Scenario    string           // the scenario's ID, for {scenario} and the names of proxies
	Script      *dialogue.Script // what the whole conversation says, where the case is that of a part of it; nil: neither peer is a dialogue
	SpinAfter   time.Duration    // for how long a thread must have had a processor to count as one that never will sleep
	NoRetryWait bool             // a client that tries again is not waited for beyond its budget
	NoServing   bool             // after a hang it is not asked whether the server still serves
}

// mostRetryWaits is how many waits of an act a client may extend by trying again.
const mostRetryWaits = 2

// Play runs the variant and returns all that is known afterwards; Start and SetConversation
// must have returned. It blocks until the peers have done their part, are proven never to, or
// have used the budget of the case and of the variant. Several variants may be run at the same
// time. An error means that the harness could not run it, or is that of the context. The
// recording is nil unless [Config].Record is set.
func (b *Testbed) Play(ctx context.Context, c scenario.Case, v scenario.Variant, with Options) (scenario.Observation, *capture.Recording, error) {
	s, err := b.setUp(ctx, c, v, with)
	if err != nil {
		return scenario.Observation{}, nil, err
	}
	defer s.closeAll()
	start, mark := time.Now(), b.stderrMark()
	o := scenario.Observation{Case: c, Faults: v.Faults, AcceptMode: v.AcceptMode, NoEnd: v.NoEnd, Ran: v.Run != nil}
	if v.Run != nil {
		s.runAct(ctx, v, &o)
	} else if err := s.runConversation(ctx, v, &o); err != nil {
		return o, s.recording, err
	}
	o.PastProxy = s.countPastProxy(v, start)
	o.Starved = time.Duration(s.cpuWait.Load())
	o.Elapsed = time.Since(start)
	s.closeAll()
	o.Events = s.log.AllEvents()
	o.Connections = countConnections(o.Events)
	b.checkServerAfter(ctx, mark, with, &o)
	return o, s.recording, ctx.Err()
}

// runAct runs the code of the variant.
func (s *variantSetup) runAct(ctx context.Context, v scenario.Variant, o *scenario.Observation) {
	budget := s.tc.Budget + v.Budget
	if s.tc.Role == scenario.Client {
		budget += mostRetryWaits * s.retryLimit()
	}
	limited, stop := s.newWait(budget, v, s.testbed.ProcessTree, s.testbed.approxTree).WithoutProof().Start(ctx)
	defer stop()
	o.RunError = v.Run(limited, &rig{setup: s, limit: limited})
	o.StuckIn = await.StuckIn(o.RunError)
	s.awaitEnds(limited)
}

// endsWithin is how long the server is given to end the connections that an act has ended.
const endsWithin = 500 * time.Microsecond

// awaitEnds closes the proxy, and before that gives the server a moment to end its side: most need
// less time for that than it takes to end it for them, and what they did is known then.
func (s *variantSetup) awaitEnds(ctx context.Context) {
	if s.proxy == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, endsWithin)
	defer cancel()
	_ = s.proxy.Shutdown(ctx) // who has not ended by then is ended
}

func countConnections(events []event.Event) int {
	n := 0
	for _, e := range events {
		if e.Kind == event.Accept {
			n++
		}
	}
	return n
}
