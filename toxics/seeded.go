package toxics

import (
	"math/rand/v2"

	"github.com/sockharness/harness/harness/chance"
	"github.com/sockharness/harness/harness/wire"
)

// A seeded wire has chance of its own, the same on each proxy.
type seeded struct {
	wire.Wire
	seed int64
	rand *rand.Rand
}

var (
	_ wire.Answerer = (*seeded)(nil)
	_ wire.Meeting  = (*seeded)(nil)
)

// Rand implements [wire.Wire].
func (s *seeded) Rand() *rand.Rand {
	if s.rand == nil {
		s.rand = chance.New(s.seed).SplitN(s.Conn()).Split(s.Direction().String()).Rand()
	}
	return s.rand
}

// Answered implements [wire.Answerer].
func (s *seeded) Answered() <-chan struct{} {
	if w, ok := s.Wire.(wire.Answerer); ok {
		return w.Answered()
	}
	return nil
}

// Shared implements [wire.Meeting].
func (s *seeded) Shared(key any, fresh func() any) any {
	if w, ok := s.Wire.(wire.Meeting); ok {
		return w.Shared(key, fresh)
	}
	return fresh()
}
