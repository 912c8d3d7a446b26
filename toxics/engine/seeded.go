package engine

import (
	"context"
	"errors"
	"math/rand/v2"

	"github.com/sockharness/harness/harness/seed"
	"github.com/sockharness/harness/toxics/hook"
)

// A seeded wire has chance of its own, the same on each proxy.
type seeded struct {
	hook.Link
	seed int64
	rand *rand.Rand
}

var (
	_ hook.ReplyNotifier = (*seeded)(nil)
	_ hook.SharedState   = (*seeded)(nil)
	_ hook.Unplugger     = (*seeded)(nil)

	_ hook.FailureNotifier = (*seeded)(nil)
)

// Rand implements [hook.Link].
func (s *seeded) Rand() *rand.Rand {
	if s.rand == nil {
		s.rand = seed.New(s.seed).SplitN(s.Conn()).SplitBy(s.Direction().String()).NewRand()
	}
	return s.rand
}

// ReplyStarted implements [hook.ReplyNotifier].
func (s *seeded) ReplyStarted() <-chan struct{} {
	if w, ok := s.Link.(hook.ReplyNotifier); ok {
		return w.ReplyStarted()
	}
	return nil
}

// Shared implements [hook.SharedState].
func (s *seeded) Shared(key any, fresh func() any) any {
	if w, ok := s.Link.(hook.SharedState); ok {
		return w.Shared(key, fresh)
	}
	return fresh()
}

// Unplug implements [hook.Unplugger].
func (s *seeded) Unplug(ctx context.Context, offset int64) (how string, err error) {
	if w, ok := s.Link.(hook.Unplugger); ok {
		return w.Unplug(ctx, offset)
	}
	return "", errors.ErrUnsupported
}

// Replug implements [hook.Unplugger].
func (s *seeded) Replug() {
	if w, ok := s.Link.(hook.Unplugger); ok {
		w.Replug()
	}
}

// CannotStrike implements [hook.FailureNotifier].
func (s *seeded) CannotStrike(offset int64, why string) {
	if w, ok := s.Link.(hook.FailureNotifier); ok {
		w.CannotStrike(offset, why)
	}
}
