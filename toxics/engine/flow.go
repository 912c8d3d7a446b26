package engine

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/Shopify/toxiproxy/v2/stream"
	tp "github.com/Shopify/toxiproxy/v2/toxics"

	"github.com/sockharness/harness/toxics/hook"
)

// A Flow is one link's stream as it passes a toxic: what the toxic took and has
// not sent on, and where in the stream that is. It outlives the stubs, so that
// an interrupt costs neither a chunk nor the place.
type Flow struct {
	Link       hook.Link           // the link that the toxic is attached to
	Offset     int64               // stream offset of the next byte to be sent on
	Sending    *stream.StreamChunk // to be sent on next, once due
	NotBefore  time.Time           // nothing is sent on before
	PauseAfter time.Duration       // pause after each chunk sent on
	Retained   *stream.StreamChunk // comes after out: what the toxic keeps back for its purpose
	PushedBack *stream.StreamChunk // comes after kept, put back: what take returns next
	Ended      bool                // the source has ended
	Struck     bool                // the effect was reported
	State      any                 // of a toxic that was written for Toxiproxy
}

// resetFor makes a flow that another toxic has left ready for the next: whatever
// that held comes first, and at once.
func (f *Flow) resetFor(w hook.Link) {
	f.Link, f.NotBefore, f.PauseAfter = w, time.Time{}, 0
	if f.Retained != nil && f.PushedBack != nil {
		f.Retained.Data = slices.Concat(f.Retained.Data, f.PushedBack.Data) // its array may be shared
		f.PushedBack = nil
	}
	if f.Retained != nil {
		f.PushedBack, f.Retained = f.Retained, nil
	}
}

// An arrival is what a wait for the next chunk came to.
type arrival uint8

const (
	Stopped arrival = iota // interrupted, or the connection is gone: Pipe returns
	GotChunk
	GotEOF
	Alarmed
)

// TakeChunk waits for the next chunk.
func (f *Flow) TakeChunk(stub *tp.ToxicStub) (*stream.StreamChunk, arrival) {
	return f.TakeUntil(stub, nil, time.Time{})
}

// TakeUntil waits for the next chunk, the alarm or the deadline (both optional).
func (f *Flow) TakeUntil(stub *tp.ToxicStub, alarm <-chan struct{}, deadline time.Time) (*stream.StreamChunk, arrival) {
	for {
		if c := f.PushedBack; c != nil {
			f.PushedBack = nil
			return c, GotChunk
		}
		if f.Ended {
			return nil, GotEOF
		}
		expired, stop := f.DeadlineTimer(deadline)
		var c *stream.StreamChunk
		select {
		case <-stub.Interrupt:
			stop()
			return nil, Stopped
		case <-f.Link.Context().Done():
			stop()
			stub.Close()
			return nil, Stopped
		case <-alarm:
			stop()
			return nil, Alarmed
		case <-expired:
			return nil, Alarmed
		case c = <-stub.Input:
			stop()
		}
		if c == nil {
			f.Ended = true
		} else if len(c.Data) > 0 {
			f.PushedBack = c
		}
	}
}

// DeadlineTimer returns a channel that is closed at the deadline; never for the zero time.
func (f *Flow) DeadlineTimer(deadline time.Time) (expired <-chan struct{}, stop func()) {
	if deadline.IsZero() {
		return nil, func() {}
	}
	return f.Link.Alarm(deadline)
}

// SendPending waits until it is due and sends on what is to be sent on, if anything. It
// returns false when Pipe has to return; what was not sent stays.
func (f *Flow) SendPending(stub *tp.ToxicStub) bool {
	if stub.Closed() || !f.PauseUntilDue(stub) {
		return false
	}
	if f.Sending == nil {
		return true
	}
	size := int64(len(f.Sending.Data)) // afterwards the chunk is the receiver's
	select {
	case stub.Output <- f.Sending:
		f.Offset += size
		f.Sending = nil
		if f.PauseAfter > 0 {
			f.NotBefore = time.Now().Add(f.PauseAfter)
		}
		return true
	case <-stub.Interrupt:
	case <-f.Link.Context().Done():
		stub.Close()
	}
	return false
}

// PauseUntilDue waits until it is due.
func (f *Flow) PauseUntilDue(stub *tp.ToxicStub) bool {
	if f.NotBefore.IsZero() {
		return true
	}
	if time.Until(f.NotBefore) > 0 {
		expired, stop := f.DeadlineTimer(f.NotBefore)
		defer stop()
		select {
		case <-expired:
		case <-stub.Interrupt:
			return false
		case <-f.Link.Context().Done():
			stub.Close()
			return false
		}
	}
	f.NotBefore = time.Time{}
	return true
}

// AwaitInterrupt keeps what the toxic holds until it is taken away or the connection is gone.
func (f *Flow) AwaitInterrupt(stub *tp.ToxicStub) {
	select {
	case <-stub.Interrupt:
	case <-f.Link.Context().Done():
		stub.Close()
	}
}

// UntilInterrupt returns a context that an interrupt ends as well, for a wait that knows
// contexts only. The caller calls end once: it ends the context, and reports whether an
// interrupt came.
func UntilInterrupt(parent context.Context, stub *tp.ToxicStub) (ctx context.Context, end func() (interrupted bool)) {
	ctx, cancel := context.WithCancel(parent)
	came := make(chan bool, 1)
	go func() {
		select {
		case <-stub.Interrupt:
			cancel()
			came <- true
		case <-ctx.Done():
			came <- false
		}
	}()
	return ctx, func() bool { cancel(); return <-came }
}

// RelayChunks passes the stream on, chunk by chunk, until it ends or is interrupted.
// prepare decides what becomes of a chunk: it sets f.out, and f.held to what is
// to be prepared later.
func (f *Flow) RelayChunks(stub *tp.ToxicStub, prepare func(*stream.StreamChunk)) {
	for f.SendPending(stub) {
		switch c, what := f.TakeChunk(stub); what {
		case Stopped:
			return
		case GotEOF:
			if f.PauseUntilDue(stub) {
				stub.Close()
			}
			return
		default:
			prepare(c)
		}
	}
}

// PassChunk is relay's prepare that changes nothing.
func (f *Flow) PassChunk(c *stream.StreamChunk) { f.Sending = c }

// ReportStruck reports, once, that the toxic took effect.
func (f *Flow) ReportStruck(offset int64, format string, args ...any) {
	if !f.Struck {
		f.Struck = true
		f.Link.Struck(offset, fmt.Sprintf(format, args...))
	}
}

// ReportCannot reports why the toxic cannot take effect here.
func (f *Flow) ReportCannot(why string) {
	if w, ok := f.Link.(hook.FailureNotifier); ok {
		w.CannotStrike(f.Offset, why)
	}
}

// EndStream ends the stream here and now, in the given way.
func (f *Flow) EndStream(stub *tp.ToxicStub, how hook.EndMode, detail string) {
	f.ReportStruck(f.Offset, "%s", detail)
	f.Link.End(how)
	stub.Close()
}

// Cleanup sends on what the toxic holds, in order and without waiting for what
// is due.
func (f *Flow) Cleanup(stub *tp.ToxicStub) {
	for _, c := range []**stream.StreamChunk{&f.Sending, &f.Retained, &f.PushedBack} {
		if *c == nil || stub.Closed() {
			continue
		}
		size := int64(len((*c).Data))
		select {
		case stub.Output <- *c:
			f.Offset += size
			*c = nil
		case <-f.Link.Context().Done():
			return
		}
	}
}

// SplitChunk cuts c after n bytes, 0 < n < len(c.Data).
func SplitChunk(c *stream.StreamChunk, n int) (head, tail *stream.StreamChunk) {
	return &stream.StreamChunk{Data: c.Data[:n:n], Timestamp: c.Timestamp},
		&stream.StreamChunk{Data: c.Data[n:], Timestamp: c.Timestamp}
}
