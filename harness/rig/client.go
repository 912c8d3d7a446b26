package rig

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/sockharness/harness/harness/await"
	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/scenario"
)

// runClient starts the client program and waits for it to end by itself, within
// the case's patience.
func (s *variantSetup) runClient(ctx context.Context, v scenario.Variant, o *scenario.Observation) error {
	b := s.testbed
	connects := watchConnects(s, v.AcceptMode != scenario.Accepting)
	defer connects.stop()
	process, fault, err := s.startVariantClient(ctx, v)
	if errors.Is(err, scenario.ErrUnsupported) {
		o.RunError = err
		return nil
	}
	if err != nil {
		return err
	}
	defer process.Close()
	both := func() []int { return append(process.ProcessTree(), b.ProcessTree()...) }
	near := func() []int { return append(process.ApproxTree(), b.approxTree()...) }
	w := s.newWait(s.tc.GiveUpTimeout()+v.Budget, v, both, near)
	w.MoreTime = retryWait{connects.attempts, connects.start, s.retryLimit()}.moreTime
	if v.AcceptMode != scenario.Accepting && s.datagrams == nil { // who is let in may have many connections to make
		w.EndEarly = endOnStorm(func() bool { return connects.attempts().Storms() })
	}
	if s.names != nil {
		w.EndEarly = endOnStorm(func() bool { return s.questions.times().TooMany() != nil })
	}
	run, err := awaitClient(ctx, process, w)
	s.noteRetries(run.Elapsed, run.TimedOut)
	o.Client, o.StuckIn, o.Attempts = run, run.StuckIn, connects.attempts()
	o.Questions = s.questions.times()
	if o.RunError = s.missedNames(); o.RunError == nil && fault != nil {
		o.RunError = fault.missedReason()
	}
	o.Shifted = !s.part && s.server.requestsShifted(s.tc.Conversation.Upstream.ExchangeEnds)
	return err
}

// awaitClient waits for a client process and collects what it left.
func awaitClient(ctx context.Context, process *peer.Process, w await.Wait) (*scenario.Run, error) {
	start := time.Now()
	limit, stop := w.Start(ctx)
	defer stop()
	run := &scenario.Run{}
	exit, err := process.WaitExit(limit)
	run.Elapsed = time.Since(start)
	if err != nil {
		if ctx.Err() != nil {
			return run, ctx.Err()
		}
		run.TimedOut = true
		run.Spins, run.Stuck = await.Explain(context.Cause(limit))
		run.Storms = errors.Is(context.Cause(limit), scenario.ErrStorms)
		run.StuckIn = await.StuckIn(context.Cause(limit))
		process.KillTree()
	}
	run.Exit = exit
	run.Stderr = process.Stderr().TailBytes()
	run.Stdout, err = readOutput(process.Stdout())
	return run, err
}

// readOutput reads what a process wrote, up to maxOutput.
func readOutput(o *peer.Output) ([]byte, error) {
	file, err := o.OpenReader()
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, maxOutput))
}
