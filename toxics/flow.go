package toxics

import (
	"fmt"
	"slices"
	"time"

	"github.com/Shopify/toxiproxy/v2/stream"
	tp "github.com/Shopify/toxiproxy/v2/toxics"

	"github.com/sockharness/harness/harness/wire"
)

// A flow is one link's stream as it passes a toxic: what the toxic took and has
// not sent on, and where in the stream that is. It outlives the stubs, so that
// an interrupt costs neither a chunk nor the place.
type flow struct {
	w      wire.Wire
	offset int64               // stream offset of the next byte to be sent on
	out    *stream.StreamChunk // to be sent on next, once due
	due    time.Time           // nothing is sent on before
	gap    time.Duration       // pause after each chunk sent on
	kept   *stream.StreamChunk // comes after out: what the toxic keeps back for its purpose
	held   *stream.StreamChunk // comes after kept, put back: what take returns next
	ended  bool                // the source has ended
	struck bool
	state  any // of a toxic that was written for Toxiproxy
}

// A starter is a toxic of ours before it is attached. start makes the instance
// that owns f from then on; f may be in the middle of the stream.
type starter interface {
	start(f *flow) tp.Toxic
}

// A fault makes a starter attachable. It is used by reference: a link compares
// its toxics to see which of them are new.
type fault struct {
	starter
	seed *int64 // nil: chance is the link's
}

// Attach returns the toxic of one link.
func (t *fault) Attach(w wire.Wire) tp.Toxic { return &attached{w: t.over(w), what: t.starter} }

// over returns w with the toxic's own chance, if it has one.
func (t *fault) over(w wire.Wire) wire.Wire {
	if t.seed == nil {
		return w
	}
	return &seeded{Wire: w, seed: *t.seed}
}

// Pipe passes everything on: without a wire there is nothing to strike.
func (t *fault) Pipe(stub *tp.ToxicStub) { new(tp.NoopToxic).Pipe(stub) }

// An attached toxic is that of one link. It keeps its flow in the stub's State,
// where a toxic that replaces it with other attributes finds it.
type attached struct {
	w       wire.Wire
	what    starter
	running tp.Toxic
}

func (a *attached) Pipe(stub *tp.ToxicStub) {
	a.begin(stub)
	a.running.Pipe(stub)
}

// Cleanup hands over what the toxic still holds, before it leaves the link for good.
func (a *attached) Cleanup(stub *tp.ToxicStub) {
	a.begin(stub)
	if running, ok := a.running.(tp.CleanupToxic); ok {
		running.Cleanup(stub)
	}
}

// begin starts the toxic on its own flow or on that of its predecessor.
func (a *attached) begin(stub *tp.ToxicStub) {
	if a.running != nil {
		return
	}
	f, ok := stub.State.(*flow)
	if !ok {
		f = new(flow)
		stub.State = f
	}
	f.inherit(a.w)
	a.running = a.what.start(f)
}

// inherit makes a flow that another toxic has left ready for the next: whatever
// that held comes first, and at once.
func (f *flow) inherit(w wire.Wire) {
	f.w, f.due, f.gap = w, time.Time{}, 0
	if f.kept != nil && f.held != nil {
		f.kept.Data = slices.Concat(f.kept.Data, f.held.Data) // its array may be shared
		f.held = nil
	}
	if f.kept != nil {
		f.held, f.kept = f.kept, nil
	}
}

// An arrival is what a wait for the next chunk came to.
type arrival uint8

const (
	stopped arrival = iota // interrupted, or the connection is gone: Pipe returns
	chunk
	eof
	alarmed
)

// take waits for the next chunk.
func (f *flow) take(stub *tp.ToxicStub) (*stream.StreamChunk, arrival) {
	return f.takeUntil(stub, nil, time.Time{})
}

// takeUntil waits for the next chunk, the alarm or the deadline (both optional).
func (f *flow) takeUntil(stub *tp.ToxicStub, alarm <-chan struct{}, deadline time.Time) (*stream.StreamChunk, arrival) {
	for {
		if c := f.held; c != nil {
			f.held = nil
			return c, chunk
		}
		if f.ended {
			return nil, eof
		}
		expired, stop := expiry(deadline)
		var c *stream.StreamChunk
		select {
		case <-stub.Interrupt:
			stop()
			return nil, stopped
		case <-f.w.Context().Done():
			stop()
			stub.Close()
			return nil, stopped
		case <-alarm:
			stop()
			return nil, alarmed
		case <-expired:
			return nil, alarmed
		case c = <-stub.Input:
			stop()
		}
		if c == nil {
			f.ended = true
		} else if len(c.Data) > 0 {
			f.held = c
		}
	}
}

// expiry returns a channel that yields at the deadline; never for the zero time.
func expiry(deadline time.Time) (<-chan time.Time, func() bool) {
	if deadline.IsZero() {
		return nil, func() bool { return true }
	}
	timer := time.NewTimer(time.Until(deadline))
	return timer.C, timer.Stop
}

// send waits until it is due and sends on what is to be sent on, if anything. It
// returns false when Pipe has to return; what was not sent stays.
func (f *flow) send(stub *tp.ToxicStub) bool {
	if stub.Closed() || !f.pause(stub) {
		return false
	}
	if f.out == nil {
		return true
	}
	size := int64(len(f.out.Data)) // afterwards the chunk is the receiver's
	select {
	case stub.Output <- f.out:
		f.offset += size
		f.out = nil
		if f.gap > 0 {
			f.due = time.Now().Add(f.gap)
		}
		return true
	case <-stub.Interrupt:
	case <-f.w.Context().Done():
		stub.Close()
	}
	return false
}

// pause waits until it is due.
func (f *flow) pause(stub *tp.ToxicStub) bool {
	if f.due.IsZero() {
		return true
	}
	if time.Until(f.due) > 0 {
		expired, stop := expiry(f.due)
		defer stop()
		select {
		case <-expired:
		case <-stub.Interrupt:
			return false
		case <-f.w.Context().Done():
			stub.Close()
			return false
		}
	}
	f.due = time.Time{}
	return true
}

// relay passes the stream on, chunk by chunk, until it ends or is interrupted.
// prepare decides what becomes of a chunk: it sets f.out, and f.held to what is
// to be prepared later.
func (f *flow) relay(stub *tp.ToxicStub, prepare func(*stream.StreamChunk)) {
	for f.send(stub) {
		switch c, what := f.take(stub); what {
		case stopped:
			return
		case eof:
			if f.pause(stub) {
				stub.Close()
			}
			return
		default:
			prepare(c)
		}
	}
}

// pass is relay's prepare that changes nothing.
func (f *flow) pass(c *stream.StreamChunk) { f.out = c }

// strike reports, once, that the toxic took effect.
func (f *flow) strike(offset int64, format string, args ...any) {
	if !f.struck {
		f.struck = true
		f.w.Struck(offset, fmt.Sprintf(format, args...))
	}
}

// end ends the stream here and now, in the given way.
func (f *flow) end(stub *tp.ToxicStub, how wire.End, detail string) {
	f.strike(f.offset, "%s", detail)
	f.w.End(how)
	stub.Close()
}

// Cleanup sends on what the toxic holds, in order and without waiting for what
// is due.
func (f *flow) Cleanup(stub *tp.ToxicStub) {
	for _, c := range []**stream.StreamChunk{&f.out, &f.kept, &f.held} {
		if *c == nil || stub.Closed() {
			continue
		}
		size := int64(len((*c).Data))
		select {
		case stub.Output <- *c:
			f.offset += size
			*c = nil
		case <-f.w.Context().Done():
			return
		}
	}
}

// split cuts c after n bytes, 0 < n < len(c.Data).
func split(c *stream.StreamChunk, n int) (head, tail *stream.StreamChunk) {
	return &stream.StreamChunk{Data: c.Data[:n:n], Timestamp: c.Timestamp},
		&stream.StreamChunk{Data: c.Data[n:], Timestamp: c.Timestamp}
}
