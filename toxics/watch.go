package toxics

import (
	"sync"

	"github.com/Shopify/toxiproxy/v2/stream"
	tp "github.com/Shopify/toxiproxy/v2/toxics"

	"github.com/sockharness/harness/harness/wire"
)

// A sighting is a pattern that one direction is watched for on behalf of a toxic
// of the other one. The toxics of a connection find each other by it.
type sighting struct{ toxic, pattern string }

// sighting returns what the trigger of t waits for in the opposite direction.
func (t *Toxic) sighting() sighting { return sighting{t.Name, string(t.At.Opposite)} }

// A signal is given once.
type signal struct {
	seen chan struct{}
	once sync.Once
}

func (s *signal) give() { s.once.Do(func() { close(s.seen) }) }

// signal returns the one of this connection. On a wire that knows of no others
// nobody ever gives it.
func (s sighting) signal(w wire.Wire) *signal {
	fresh := func() any { return &signal{seen: make(chan struct{})} }
	m, ok := w.(wire.Meeting)
	if !ok {
		return fresh().(*signal)
	}
	return m.Shared(s, fresh).(*signal)
}

// start watches the direction of f.
func (s sighting) start(f *flow) tp.Toxic {
	c := newCue(Trigger{Pattern: []byte(s.pattern)}, f)
	return &watch{flow: f, cue: c, signal: s.signal(f.w)}
}

// A watch passes everything on and gives the signal when it sees its pattern.
type watch struct {
	*flow
	cue    *cue
	signal *signal
	found  bool
}

func (p *watch) Pipe(stub *tp.ToxicStub) { p.relay(stub, p.look) }

// look gives the signal before the chunk goes on: what answers it comes later.
func (p *watch) look(c *stream.StreamChunk) {
	p.out = c
	if p.found {
		return
	}
	if _, p.found = p.cue.find(p.offset, c.Data); p.found {
		p.signal.give()
	}
}
