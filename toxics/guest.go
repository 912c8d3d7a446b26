package toxics

import (
	"reflect"

	"github.com/Shopify/toxiproxy/v2/stream"
	tp "github.com/Shopify/toxiproxy/v2/toxics"

	"github.com/sockharness/harness/harness/wire"
)

// A plain toxic is one that was written for Toxiproxy and runs unchanged; all
// that is added is the report of when it takes effect.
type plain struct {
	tp.Toxic
	effect effect
}

// An effect says when a plain toxic takes effect, as seen from outside.
type effect struct {
	detail string
	bytes  int64 // with the chunk that completes so many bytes; 0: the first chunk; below 0: no chunk
	eof    bool  // when the source ends
	close  bool  // when it closes its output before the source has ended
}

func (p plain) start(f *flow) tp.Toxic {
	origin := f.offset
	if f.out != nil {
		origin += int64(len(f.out.Data)) // of a toxic that was here before
	}
	g := &guest{flow: f, effect: p.effect, origin: origin, inner: p.Toxic}
	if a, ok := p.Toxic.(interface{ Attach(wire.Wire) tp.Toxic }); ok {
		g.inner, g.reports = a.Attach(shifted{f.w, origin}), true
	}
	if stateful, ok := g.inner.(tp.StatefulToxic); ok {
		if state := stateful.NewState(); reflect.TypeOf(state) != reflect.TypeOf(f.state) {
			f.state = state
		}
	}
	return g
}

// A shifted wire turns offsets counted from a trigger into stream offsets.
type shifted struct {
	wire.Wire
	origin int64
}

func (s shifted) Struck(offset int64, detail string) { s.Wire.Struck(s.origin+offset, detail) }
func (s shifted) Boundary(offset int64)              { s.Wire.Boundary(s.origin + offset) }

// A guest runs a toxic that knows nothing of flows. The toxic runs in a
// goroutine of its own on a copy of the stub, which shares everything with the
// stub but the input; Pipe feeds it and waits for it.
type guest struct {
	*flow
	inner   tp.Toxic
	effect  effect
	reports bool  // the toxic calls Struck itself
	told    bool  // the toxic knows that the source has ended
	origin  int64 // where it began to strike; the flow's offset counts what it was fed
}

// room returns a copy of the stub with an input and a state of its own.
// Interrupt, Output and the mark that it is closed are shared.
func (g *guest) room(stub *tp.ToxicStub, input <-chan *stream.StreamChunk) *tp.ToxicStub {
	inner := *stub
	inner.Input, inner.State = input, g.state
	return &inner
}

// Pipe feeds the toxic until its Pipe has returned. A panic of the toxic becomes
// one of Pipe, where the link expects it.
func (g *guest) Pipe(stub *tp.ToxicStub) {
	if !g.send(stub) {
		return
	}
	feed, done := make(chan *stream.StreamChunk), make(chan any, 1)
	inner := g.room(stub, feed)
	go func() {
		defer close(done)
		defer func() {
			if p := recover(); p != nil {
				done <- p
			}
		}()
		g.inner.Pipe(inner)
	}()
	if p := g.serve(stub, feed, done); p != nil {
		panic(p)
	}
	if !g.told && !g.reports && stub.Closed() {
		g.w.End(wire.Shut) // the source may have ended, but the toxic did not know
		if g.effect.close {
			g.report(g.offset)
		}
	}
}

// serve returns what the toxic panicked with, if it did.
func (g *guest) serve(stub *tp.ToxicStub, feed chan<- *stream.StreamChunk, done <-chan any) any {
	for {
		input, output, size := stub.Input, feed, int64(0)
		if g.held != nil {
			input, size = nil, int64(len(g.held.Data)) // afterwards the chunk is the toxic's
			g.foresee(size)
		} else if output = nil; g.ended {
			return g.dismiss(stub, feed, done)
		}
		select {
		case c := <-input:
			g.accept(c)
		case output <- g.held:
			g.offset += size
			g.held = nil
		case p := <-done:
			return p
		case <-g.w.Context().Done():
			return g.evict(stub, done)
		}
	}
}

// accept takes what the input yields.
func (g *guest) accept(c *stream.StreamChunk) {
	if c == nil {
		g.ended = true
	} else if len(c.Data) > 0 {
		g.held = c
	}
}

// foresee reports the effect of the chunk that the toxic is about to get:
// afterwards it may be too late, the stream may be over.
func (g *guest) foresee(size int64) {
	if n := g.effect.bytes; n >= 0 && g.offset+size >= g.origin+n {
		g.report(g.origin + n)
	}
}

func (g *guest) report(offset int64) {
	if !g.reports {
		g.strike(offset, "%s", g.effect.detail)
	}
}

// dismiss tells the toxic that the source has ended.
func (g *guest) dismiss(stub *tp.ToxicStub, feed chan<- *stream.StreamChunk, done <-chan any) any {
	if g.effect.eof {
		g.report(g.offset)
	}
	select {
	case feed <- nil:
		g.told = true
		close(feed)
	case p := <-done:
		return p
	case <-g.w.Context().Done():
		return g.evict(stub, done)
	}
	select {
	case p := <-done:
		return p
	case <-g.w.Context().Done():
		return g.evict(stub, done)
	}
}

// evict ends the toxic because the connection is gone.
func (g *guest) evict(stub *tp.ToxicStub, done <-chan any) any {
	var p any
	select {
	case stub.Interrupt <- struct{}{}:
		p = <-done
	case p = <-done:
	}
	stub.Close()
	return p
}

// Cleanup lets the toxic clean up, then sends on what it was not fed.
func (g *guest) Cleanup(stub *tp.ToxicStub) {
	if inner, ok := g.inner.(tp.CleanupToxic); ok {
		inner.Cleanup(g.room(stub, stub.Input))
	}
	g.flow.Cleanup(stub)
}
