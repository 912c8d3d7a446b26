package toxics

import (
	"fmt"
	"slices"
	"time"

	"github.com/Shopify/toxiproxy/v2/stream"
	tp "github.com/Shopify/toxiproxy/v2/toxics"

	"github.com/sockharness/harness/toxics/hook"
)

// A flow is one link's stream as it passes a toxic: what the toxic took and has
// not sent on, and where in the stream that is. It outlives the stubs, so that
// an interrupt costs neither a chunk nor the place.
type flow struct {
	w          hook.Link
	offset     int64               // stream offset of the next byte to be sent on
	sending    *stream.StreamChunk // to be sent on next, once due
	notBefore  time.Time           // nothing is sent on before
	pauseAfter time.Duration       // pause after each chunk sent on
	retained   *stream.StreamChunk // comes after out: what the toxic keeps back for its purpose
	pushedBack *stream.StreamChunk // comes after kept, put back: what take returns next
	ended      bool                // the source has ended
	struck     bool
	state      any // of a toxic that was written for Toxiproxy
}

// A behavior is a toxic of ours before it is attached. start makes the instance
// that owns f from then on; f may be in the middle of the stream.
type behavior interface {
	startOn(f *flow) tp.Toxic
}

// An attachable makes a starter attachable. It is used by reference: a link compares
// its toxics to see which of them are new.
type attachable struct {
	behavior
	seed *int64 // nil: chance is the link's
}

// Attach returns the toxic of one link.
func (t *attachable) Attach(w hook.Link) tp.Toxic {
	return &instance{link: t.seededWire(w), behavior: t.behavior}
}

// seededWire returns w with the toxic's own chance, if it has one.
func (t *attachable) seededWire(w hook.Link) hook.Link {
	if t.seed == nil {
		return w
	}
	return &seeded{Link: w, seed: *t.seed}
}

// Pipe passes everything on: without a wire there is nothing to strike.
func (t *attachable) Pipe(stub *tp.ToxicStub) { new(tp.NoopToxic).Pipe(stub) }

// An instance toxic is that of one link. It keeps its flow in the stub's State,
// where a toxic that replaces it with other attributes finds it.
type instance struct {
	link     hook.Link
	behavior behavior
	running  tp.Toxic
}

func (a *instance) Pipe(stub *tp.ToxicStub) {
	a.ensureStarted(stub)
	a.running.Pipe(stub)
}

// Cleanup hands over what the toxic still holds, before it leaves the link for good.
func (a *instance) Cleanup(stub *tp.ToxicStub) {
	a.ensureStarted(stub)
	if running, ok := a.running.(tp.CleanupToxic); ok {
		running.Cleanup(stub)
	}
}

// ensureStarted starts the toxic on its own flow or on that of its predecessor.
func (a *instance) ensureStarted(stub *tp.ToxicStub) {
	if a.running != nil {
		return
	}
	f, ok := stub.State.(*flow)
	if !ok {
		f = new(flow)
		stub.State = f
	}
	f.resetFor(a.link)
	a.running = a.behavior.startOn(f)
}

// resetFor makes a flow that another toxic has left ready for the next: whatever
// that held comes first, and at once.
func (f *flow) resetFor(w hook.Link) {
	f.w, f.notBefore, f.pauseAfter = w, time.Time{}, 0
	if f.retained != nil && f.pushedBack != nil {
		f.retained.Data = slices.Concat(f.retained.Data, f.pushedBack.Data) // its array may be shared
		f.pushedBack = nil
	}
	if f.retained != nil {
		f.pushedBack, f.retained = f.retained, nil
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

// takeChunk waits for the next chunk.
func (f *flow) takeChunk(stub *tp.ToxicStub) (*stream.StreamChunk, arrival) {
	return f.takeUntil(stub, nil, time.Time{})
}

// takeUntil waits for the next chunk, the alarm or the deadline (both optional).
func (f *flow) takeUntil(stub *tp.ToxicStub, alarm <-chan struct{}, deadline time.Time) (*stream.StreamChunk, arrival) {
	for {
		if c := f.pushedBack; c != nil {
			f.pushedBack = nil
			return c, chunk
		}
		if f.ended {
			return nil, eof
		}
		expired, stop := f.deadlineTimer(deadline)
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
			f.pushedBack = c
		}
	}
}

// deadlineTimer returns a channel that is closed at the deadline; never for the zero time.
func (f *flow) deadlineTimer(deadline time.Time) (expired <-chan struct{}, stop func()) {
	if deadline.IsZero() {
		return nil, func() {}
	}
	return f.w.Alarm(deadline)
}

// sendPending waits until it is due and sends on what is to be sent on, if anything. It
// returns false when Pipe has to return; what was not sent stays.
func (f *flow) sendPending(stub *tp.ToxicStub) bool {
	if stub.Closed() || !f.pauseUntilDue(stub) {
		return false
	}
	if f.sending == nil {
		return true
	}
	size := int64(len(f.sending.Data)) // afterwards the chunk is the receiver's
	select {
	case stub.Output <- f.sending:
		f.offset += size
		f.sending = nil
		if f.pauseAfter > 0 {
			f.notBefore = time.Now().Add(f.pauseAfter)
		}
		return true
	case <-stub.Interrupt:
	case <-f.w.Context().Done():
		stub.Close()
	}
	return false
}

// pauseUntilDue waits until it is due.
func (f *flow) pauseUntilDue(stub *tp.ToxicStub) bool {
	if f.notBefore.IsZero() {
		return true
	}
	if time.Until(f.notBefore) > 0 {
		expired, stop := f.deadlineTimer(f.notBefore)
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
	f.notBefore = time.Time{}
	return true
}

// relayChunks passes the stream on, chunk by chunk, until it ends or is interrupted.
// prepare decides what becomes of a chunk: it sets f.out, and f.held to what is
// to be prepared later.
func (f *flow) relayChunks(stub *tp.ToxicStub, prepare func(*stream.StreamChunk)) {
	for f.sendPending(stub) {
		switch c, what := f.takeChunk(stub); what {
		case stopped:
			return
		case eof:
			if f.pauseUntilDue(stub) {
				stub.Close()
			}
			return
		default:
			prepare(c)
		}
	}
}

// passChunk is relay's prepare that changes nothing.
func (f *flow) passChunk(c *stream.StreamChunk) { f.sending = c }

// reportStruck reports, once, that the toxic took effect.
func (f *flow) reportStruck(offset int64, format string, args ...any) {
	if !f.struck {
		f.struck = true
		f.w.Struck(offset, fmt.Sprintf(format, args...))
	}
}

// reportCannot reports why the toxic cannot take effect here.
func (f *flow) reportCannot(why string) {
	if w, ok := f.w.(hook.FailureNotifier); ok {
		w.CannotStrike(f.offset, why)
	}
}

// endStream ends the stream here and now, in the given way.
func (f *flow) endStream(stub *tp.ToxicStub, how hook.EndMode, detail string) {
	f.reportStruck(f.offset, "%s", detail)
	f.w.End(how)
	stub.Close()
}

// Cleanup sends on what the toxic holds, in order and without waiting for what
// is due.
func (f *flow) Cleanup(stub *tp.ToxicStub) {
	for _, c := range []**stream.StreamChunk{&f.sending, &f.retained, &f.pushedBack} {
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

// splitChunk cuts c after n bytes, 0 < n < len(c.Data).
func splitChunk(c *stream.StreamChunk, n int) (head, tail *stream.StreamChunk) {
	return &stream.StreamChunk{Data: c.Data[:n:n], Timestamp: c.Timestamp},
		&stream.StreamChunk{Data: c.Data[n:], Timestamp: c.Timestamp}
}
