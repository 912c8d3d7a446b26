package adapter

import (
	"reflect"

	"github.com/Shopify/toxiproxy/v2/stream"
	tp "github.com/Shopify/toxiproxy/v2/toxics"

	"github.com/sockharness/harness/toxics/engine"
	"github.com/sockharness/harness/toxics/hook"
)

// A ForeignToxic toxic is one that was written for Toxiproxy and runs unchanged; all
// that is added is the report of when it takes effect.
type ForeignToxic struct {
	tp.Toxic
	Effect Effect // when it takes effect
}

// An Effect says when a plain toxic takes effect, as seen from outside.
type Effect struct {
	Detail string // what it does, for the log
	Bytes  int64  // with the chunk that completes so many bytes; 0: the first chunk; below 0: no chunk
	EOF    bool   // when the source ends
	Close  bool   // when it closes its output before the source has ended
}

func (p ForeignToxic) StartOn(f *engine.Flow) tp.Toxic {
	origin := f.Offset
	if f.Sending != nil {
		origin += int64(len(f.Sending.Data)) // of a toxic that was here before
	}
	g := &adapter{Flow: f, effect: p.Effect, origin: origin, inner: p.Toxic}
	if a, ok := p.Toxic.(interface{ Attach(hook.Link) tp.Toxic }); ok {
		g.inner, g.reports = a.Attach(offsetWire{f.Link, origin}), true
	}
	if stateful, ok := g.inner.(tp.StatefulToxic); ok {
		if state := stateful.NewState(); reflect.TypeOf(state) != reflect.TypeOf(f.State) {
			f.State = state
		}
	}
	return g
}

// An offsetWire wire turns offsets counted from a trigger into stream offsets.
type offsetWire struct {
	hook.Link
	origin int64
}

func (s offsetWire) Struck(offset int64, detail string) { s.Link.Struck(s.origin+offset, detail) }

func (s offsetWire) Boundary(offset int64) { s.Link.Boundary(s.origin + offset) }

// An adapter runs a toxic that knows nothing of flows. The toxic runs in a
// goroutine of its own on a copy of the stub, which shares everything with the
// stub but the input; Pipe feeds it and waits for it.
type adapter struct {
	*engine.Flow
	inner   tp.Toxic
	effect  Effect
	reports bool  // the toxic calls Struck itself
	eofSent bool  // the toxic knows that the source has ended
	origin  int64 // where it began to strike; the flow's offset counts what it was fed
}

// innerStub returns a copy of the stub with an input and a state of its own.
// Interrupt, Output and the mark that it is closed are shared.
func (g *adapter) innerStub(stub *tp.ToxicStub, input <-chan *stream.StreamChunk) *tp.ToxicStub {
	inner := *stub
	inner.Input, inner.State = input, g.State
	return &inner
}

// Pipe feeds the toxic until its Pipe has returned. A panic of the toxic becomes
// one of Pipe, where the link expects it.
func (g *adapter) Pipe(stub *tp.ToxicStub) {
	if !g.SendPending(stub) {
		return
	}
	feed, done := make(chan *stream.StreamChunk), make(chan any, 1)
	inner := g.innerStub(stub, feed)
	go func() {
		defer close(done)
		defer func() {
			if p := recover(); p != nil {
				done <- p
			}
		}()
		g.inner.Pipe(inner)
	}()
	if p := g.feedInner(stub, feed, done); p != nil {
		panic(p)
	}
	if !g.eofSent && !g.reports && stub.Closed() {
		g.Link.End(hook.CloseBoth)                           // the source may have ended, but the toxic did not know
		if g.effect.Close && g.Link.Context().Err() == nil { // else the link has ended, not the toxic
			g.reportEffect(g.Offset)
		}
	}
}

// feedInner returns what the toxic panicked with, if it did.
func (g *adapter) feedInner(stub *tp.ToxicStub, feed chan<- *stream.StreamChunk, done <-chan any) any {
	for {
		input, output, size := stub.Input, feed, int64(0)
		if g.PushedBack != nil {
			input, size = nil, int64(len(g.PushedBack.Data)) // afterwards the chunk is the toxic's
			g.reportAhead(size)
		} else if output = nil; g.Ended {
			return g.sendEOF(stub, feed, done)
		}
		select {
		case c := <-input:
			g.acceptChunk(c)
		case output <- g.PushedBack:
			g.Offset += size
			g.PushedBack = nil
		case p := <-done:
			return p
		case <-g.Link.Context().Done():
			return g.interruptInner(stub, done)
		}
	}
}

// acceptChunk takes what the input yields.
func (g *adapter) acceptChunk(c *stream.StreamChunk) {
	if c == nil {
		g.Ended = true
	} else if len(c.Data) > 0 {
		g.PushedBack = c
	}
}

// reportAhead reports the effect of the chunk that the toxic is about to get:
// afterwards it may be too late, the stream may be over.
func (g *adapter) reportAhead(size int64) {
	if n := g.effect.Bytes; n >= 0 && g.Offset+size >= g.origin+n {
		g.reportEffect(g.origin + n)
	}
}

func (g *adapter) reportEffect(offset int64) {
	if !g.reports {
		g.ReportStruck(offset, "%s", g.effect.Detail)
	}
}

// sendEOF tells the toxic that the source has ended.
func (g *adapter) sendEOF(stub *tp.ToxicStub, feed chan<- *stream.StreamChunk, done <-chan any) any {
	if g.effect.EOF {
		g.reportEffect(g.Offset)
	}
	select {
	case feed <- nil:
		g.eofSent = true
		close(feed)
	case p := <-done:
		return p
	case <-g.Link.Context().Done():
		return g.interruptInner(stub, done)
	}
	select {
	case p := <-done:
		return p
	case <-g.Link.Context().Done():
		return g.interruptInner(stub, done)
	}
}

// interruptInner ends the toxic because the connection is gone.
func (g *adapter) interruptInner(stub *tp.ToxicStub, done <-chan any) any {
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
func (g *adapter) Cleanup(stub *tp.ToxicStub) {
	if inner, ok := g.inner.(tp.CleanupToxic); ok {
		inner.Cleanup(g.innerStub(stub, stub.Input))
	}
	g.Flow.Cleanup(stub)
}
