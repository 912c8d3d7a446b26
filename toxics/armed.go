package toxics

import (
	"github.com/Shopify/toxiproxy/v2/stream"
	tp "github.com/Shopify/toxiproxy/v2/toxics"
)

// A triggered toxic lets the stream pass until its trigger is reached, and is
// the inner toxic from there on.
type triggered struct {
	at       Trigger
	sighting sighting // for Opposite
	inner    starter
}

func (t triggered) start(f *flow) tp.Toxic {
	a := &armed{flow: f, cue: newCue(t.at, f), inner: t.inner}
	if len(t.at.Opposite) > 0 {
		a.cue.alarm = t.sighting.signal(f.w).seen
	}
	return a
}

// An armed toxic waits for its cue.
type armed struct {
	*flow
	cue     *cue
	inner   starter
	fired   bool // the cue was given; what belongs before it may still have to be sent
	running tp.Toxic
}

func (a *armed) Pipe(stub *tp.ToxicStub) {
	if a.running == nil && !a.await(stub) {
		return
	}
	if a.running == nil {
		a.running = a.inner.start(a.flow)
	}
	a.running.Pipe(stub)
}

// await passes the stream on until the cue is given; false when Pipe has to return.
func (a *armed) await(stub *tp.ToxicStub) bool {
	for a.send(stub) {
		if a.fired || a.cue.reached(a.offset) {
			a.fired = true
			return true
		}
		c, what := a.takeUntil(stub, a.cue.alarm, a.cue.deadline)
		switch what {
		case stopped:
			return false
		case alarmed:
			a.fired = true
		case eof:
			if a.fired = a.cue.Event == "eof" || a.cue.rang(); !a.fired {
				stub.Close()
				return false
			}
		case chunk:
			if a.cue.rang() { // it and the chunk came at once
				a.held, a.fired = c, true
				continue
			}
			a.part(c)
		}
	}
	return false
}

// part sends on what of c comes before the cue and keeps the rest.
func (a *armed) part(c *stream.StreamChunk) {
	n, found := a.cue.find(a.offset, c.Data)
	a.fired = found
	switch {
	case !found || n == len(c.Data):
		a.out = c
	case n == 0:
		a.held = c
	default:
		a.out, a.held = split(c, n)
	}
}

// Cleanup sends on what the toxic holds, before it leaves the link for good.
func (a *armed) Cleanup(stub *tp.ToxicStub) {
	if running, ok := a.running.(tp.CleanupToxic); ok {
		running.Cleanup(stub)
		return
	}
	a.flow.Cleanup(stub)
}
