package runner

import (
	"context"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/scenario"
)

// bystand lets another client hold the first exchange with the server under
// test, without a proxy, from the moment at which the first fault has struck.
// The function that it returns waits for it: nil where nothing has struck, or
// where there is nobody to ask.
func (s *stage) bystand(ctx context.Context, v scenario.Variant) (suffered func() error) {
	b := s.play.bench
	if s.kase.Role != scenario.Server || b.script == nil || len(v.Faults) == 0 || !b.target.Asks("others") {
		return func() error { return nil }
	}
	waiting, cancel := context.WithCancel(ctx)
	result := make(chan error, 1)
	go func() { result <- s.meanwhile(ctx, waiting) }()
	return func() error { cancel(); return <-result }
}

func (s *stage) meanwhile(ctx, waiting context.Context) error {
	struck := func(e event.Event) bool { return e.Kind == event.Struck }
	if _, err := s.log.Wait(waiting, struck); err != nil {
		return nil
	}
	b := s.play.bench
	_, address := b.process()
	limited, stop := wait{budget: s.kase.Budget, pids: b.tree}.begin(ctx)
	defer stop()
	if err := greet(limited, address, b.script); err != nil && ctx.Err() == nil {
		return err
	}
	return nil
}
