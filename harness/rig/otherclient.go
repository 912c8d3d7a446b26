package rig

import (
	"context"

	"github.com/sockharness/harness/harness/await"
	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/scenario"
)

// startOtherClient lets another client hold the first exchange with the server under
// test, without a proxy, from the moment at which the first fault has struck.
// The function that it returns waits for it: nil where nothing has struck, or
// where there is nobody to ask. Where conversations share state, it says what cannot
// disturb another one, or nothing.
func (s *variantSetup) startOtherClient(ctx context.Context, v scenario.Variant) (otherErr func() error) {
	b := s.testbed
	if s.tc.Role != scenario.Server || b.script == nil || len(v.Faults) == 0 || !b.target.OracleEnabled("others") {
		return func() error { return nil }
	}
	script := b.script
	if !b.State().Separate() {
		script = b.conversation.Beside
	}
	if script == nil {
		return func() error { return nil }
	}
	waiting, cancel := context.WithCancel(ctx)
	result := make(chan error, 1)
	go func() { result <- s.runOtherClient(ctx, waiting, script) }()
	return func() error { cancel(); return <-result }
}

func (s *variantSetup) runOtherClient(ctx, waiting context.Context, script *dialogue.Script) error {
	struck := func(e event.Event) bool { return e.Kind == event.Struck }
	if _, err := s.log.WaitEvent(waiting, struck); err != nil {
		return nil
	}
	b := s.testbed
	limited, stop := await.Wait{Budget: s.tc.Budget, PIDs: b.ProcessTree}.Start(ctx)
	defer stop()
	if err := b.firstExchange(limited, script); err != nil && ctx.Err() == nil {
		return err
	}
	return nil
}
