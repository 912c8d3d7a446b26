package rig

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sockharness/harness/harness/await"
	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/probe"
	"github.com/sockharness/harness/harness/scenario"
)

// A clientProcess is the client under test of an act.
type clientProcess struct {
	setup    *variantSetup
	process  *peer.Process
	connects *connectWatch
}

// StartClient implements [scenario.ClientRig].
func (a *rig) StartClient(ctx context.Context) (scenario.ClientUnderTest, error) {
	connects := watchConnects(a.setup, true)
	process, err := a.setup.testbed.startClient(ctx, ClientOptions{Address: a.setup.proxyAddress(), Scenario: a.setup.options.Scenario})
	if err != nil {
		connects.stop()
		return nil, err
	}
	return &clientProcess{setup: a.setup, process: process, connects: connects}, nil
}

// SetAcceptMode implements [scenario.ClientRig].
func (a *rig) SetAcceptMode(g scenario.AcceptMode) error {
	if a.setup.datagrams != nil {
		return a.setup.datagrams.SetMode(datagramModes[g])
	}
	return a.setup.proxy.SetMode(acceptModes[g])
}

// ConnectAttempts implements [scenario.ClientUnderTest].
func (s *clientProcess) ConnectAttempts() scenario.Attempts { return s.connects.attempts() }

// WatchAttempts implements [scenario.ClientUnderTest].
func (s *clientProcess) WatchAttempts(ctx context.Context, longest time.Duration, enough func(scenario.Attempts) bool) (scenario.ClientState, error) {
	start := time.Now()
	w := await.Wait{Budget: longest, PIDs: s.process.ProcessTree, Moved: s.setup.log.EventCount, SpinAfter: s.setup.options.SpinAfter, Work: s.setup.tc.Conversation.CPU}
	if longest == 0 {
		w.Budget = s.setup.tc.GiveUpTimeout()
		w.MoreTime = s.retryWait(s.setup.retryLimit()).moreTime
	}
	if s.setup.neverAnswers {
		w.ProofSlot, w.Idle = s.setup.testbed.config.Shared.proofSlot, newIdleDetector(s.setup.log, scenario.Variant{}, s.setup.tc.Target).isQuiet
	}
	limit, stop := w.Start(ctx)
	defer stop()
	seen, cancel := context.WithCancel(limit)
	defer cancel()
	done := make(chan bool, 1)
	go func() { done <- s.awaitEnough(seen, cancel, enough) }()
	exit, err := s.process.WaitExit(seen)
	cancel()
	seenSoFar := scenario.ClientState{Run: scenario.Run{Exit: exit, Elapsed: time.Since(s.connects.start)}}
	seenSoFar.Enough = <-done && err != nil
	seenSoFar.Attempts = s.ConnectAttempts()
	if err != nil && ctx.Err() != nil {
		return seenSoFar, fmt.Errorf("client: %w", ctx.Err())
	}
	if err != nil && !seenSoFar.Enough {
		seenSoFar.TimedOut = true
		seenSoFar.Spins, seenSoFar.Stuck = await.Explain(context.Cause(limit))
		if stuck := (*await.StuckError)(nil); errors.As(context.Cause(limit), &stuck) {
			seenSoFar.Hang = &clientHang{stuck}
		}
		s.setup.noteRetries(time.Since(start), seenSoFar.TimedOut)
	}
	seenSoFar.Stderr = s.process.Stderr().TailBytes()
	seenSoFar.Stdout, err = readOutput(s.process.Stdout())
	return seenSoFar, err
}

// A clientHang is the proof that a client waits forever, which is a time that is over.
type clientHang struct{ stuck *await.StuckError }

// Error implements error.
func (h *clientHang) Error() string { return h.stuck.Error() }

// Unwrap returns the proof, and that its time is over.
func (h *clientHang) Unwrap() []error { return []error{h.stuck, context.DeadlineExceeded} }

// retryWait extends a wait from now on.
func (s *clientProcess) retryWait(limit time.Duration) retryWait {
	return retryWait{attempts: s.ConnectAttempts, start: s.connects.start, limit: time.Since(s.connects.start) + limit}
}

// attemptPoll is how often the attempts are counted: the log's events come one by
// one with each of them, but not where the proxy has none.
const attemptPoll = 5 * time.Millisecond

// awaitEnough reports whether enough was true before the context ended, and
// ends it then.
func (s *clientProcess) awaitEnough(ctx context.Context, end func(), enough func(scenario.Attempts) bool) bool {
	ticker := time.NewTicker(attemptPoll)
	defer ticker.Stop()
	for {
		if enough != nil && enough(s.ConnectAttempts()) {
			end()
			return true
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return false
		}
	}
}

// MeasureUsage implements [scenario.ClientUnderTest].
func (s *clientProcess) MeasureUsage() (probe.Usage, error) {
	return probe.MeasureUsage(s.process.ApproxTree())
}

// Process implements [scenario.ClientUnderTest].
func (s *clientProcess) Process() scenario.Process { return &program{process: s.process} }

// Close implements [scenario.ClientUnderTest].
func (s *clientProcess) Close() {
	s.process.KillTree()
	s.process.Close()
	s.connects.stop()
}
