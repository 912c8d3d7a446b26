package toxics

import (
	"github.com/Shopify/toxiproxy/v2/stream"
	tp "github.com/Shopify/toxiproxy/v2/toxics"
)

// A triggered toxic lets the stream pass until its trigger is reached, and is
// the inner toxic from there on.
type triggered struct {
	at       Trigger
	sighting patternKey // for Opposite
	inner    behavior
}

func (t triggered) startOn(f *flow) tp.Toxic {
	a := &triggeredPipe{flow: f, trigger: newTriggerWatch(t.at, f), inner: t.inner}
	if len(t.at.Opposite) > 0 {
		a.trigger.fireCh = t.sighting.signalOn(f.w).seen
	}
	return a
}

// A triggeredPipe toxic waits for its cue.
type triggeredPipe struct {
	*flow
	trigger   *triggerWatch
	inner     behavior
	triggered bool // the cue was given; what belongs before it may still have to be sent
	running   tp.Toxic
}

func (a *triggeredPipe) Pipe(stub *tp.ToxicStub) {
	if a.running == nil && !a.awaitTrigger(stub) {
		return
	}
	if a.running == nil {
		a.running = a.inner.startOn(a.flow)
	}
	a.running.Pipe(stub)
}

// awaitTrigger passes the stream on until the cue is given; false when Pipe has to return.
func (a *triggeredPipe) awaitTrigger(stub *tp.ToxicStub) bool {
	for a.sendPending(stub) {
		if a.triggered || a.trigger.reachedAt(a.offset) {
			a.triggered = true
			return true
		}
		c, what := a.takeUntil(stub, a.trigger.fireCh, a.trigger.deadline)
		switch what {
		case stopped:
			return false
		case alarmed:
			a.triggered = true
		case eof:
			if a.triggered = a.trigger.Event == "eof" || a.trigger.hasFired(); !a.triggered {
				stub.Close()
				return false
			}
		case chunk:
			if a.trigger.hasFired() { // it and the chunk came at once
				a.pushedBack, a.triggered = c, true
				continue
			}
			a.splitAt(c)
		}
	}
	return false
}

// splitAt sends on what of c comes before the cue and keeps the rest.
func (a *triggeredPipe) splitAt(c *stream.StreamChunk) {
	n, found := a.trigger.findIn(a.offset, c.Data)
	if w := a.trigger.frames; w != nil && w.missed != "" {
		a.reportCannot(w.missed)
		w.missed = ""
	}
	a.triggered = found
	switch {
	case !found || n == len(c.Data):
		a.sending = c
	case n == 0:
		a.pushedBack = c
	default:
		a.sending, a.pushedBack = splitChunk(c, n)
	}
}

// Cleanup sends on what the toxic holds, before it leaves the link for good.
func (a *triggeredPipe) Cleanup(stub *tp.ToxicStub) {
	if running, ok := a.running.(tp.CleanupToxic); ok {
		running.Cleanup(stub)
		return
	}
	a.flow.Cleanup(stub)
}
