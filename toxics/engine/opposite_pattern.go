package engine

import (
	"sync"

	"github.com/Shopify/toxiproxy/v2/stream"
	tp "github.com/Shopify/toxiproxy/v2/toxics"

	"github.com/sockharness/harness/toxics/hook"
	"github.com/sockharness/harness/toxics/spec"
)

// A patternKey is a pattern that one direction is watched for on behalf of a toxic
// of the other one. The toxics of a connection find each other by it.
type patternKey struct{ toxic, pattern string }

// NewPatternKey returns what the trigger of the named toxic waits for in the opposite direction.
func NewPatternKey(toxic string, at spec.Trigger) patternKey {
	return patternKey{toxic, string(at.Opposite)}
}

// A patternSignal is given once.
type patternSignal struct {
	seen chan struct{}
	once sync.Once
}

func (s *patternSignal) fire() { s.once.Do(func() { close(s.seen) }) }

// signalOn returns the one of this connection. On a wire that knows of no others
// nobody ever gives it.
func (s patternKey) signalOn(w hook.Link) *patternSignal {
	fresh := func() any { return &patternSignal{seen: make(chan struct{})} }
	m, ok := w.(hook.SharedState)
	if !ok {
		return fresh().(*patternSignal)
	}
	return m.Shared(s, fresh).(*patternSignal)
}

// StartOn watches the direction of f.
func (s patternKey) StartOn(f *Flow) tp.Toxic {
	c := newTriggerWatch(spec.Trigger{Pattern: []byte(s.pattern)}, f)
	return &patternScan{Flow: f, cue: c, signal: s.signalOn(f.Link)}
}

// A patternScan passes everything on and gives the signal when it sees its pattern.
type patternScan struct {
	*Flow
	cue    *triggerWatch
	signal *patternSignal
	found  bool
}

func (p *patternScan) Pipe(stub *tp.ToxicStub) { p.RelayChunks(stub, p.scanChunk) }

// scanChunk gives the signal before the chunk goes on: what answers it comes later.
func (p *patternScan) scanChunk(c *stream.StreamChunk) {
	p.Sending = c
	if p.found {
		return
	}
	if _, p.found = p.cue.FindIn(p.Offset, c.Data); p.found {
		p.signal.fire()
	}
}
