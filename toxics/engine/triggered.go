package engine

import (
	"github.com/Shopify/toxiproxy/v2/stream"
	tp "github.com/Shopify/toxiproxy/v2/toxics"

	"github.com/sockharness/harness/toxics/spec"
)

// A TriggeredBehavior toxic lets the stream pass until its trigger is reached, and is
// the inner toxic from there on.
type TriggeredBehavior struct {
	at       spec.Trigger
	sighting patternKey // for Opposite
	inner    Behavior
}

// NewTriggered returns the behavior that is inner from the trigger of the named toxic on.
func NewTriggered(toxic string, at spec.Trigger, inner Behavior) TriggeredBehavior {
	return TriggeredBehavior{at, NewPatternKey(toxic, at), inner}
}

// StartOn implements [Behavior].
func (t TriggeredBehavior) StartOn(f *Flow) tp.Toxic {
	a := &triggeredPipe{Flow: f, trigger: newTriggerWatch(t.at, f), inner: t.inner}
	if len(t.at.Opposite) > 0 {
		a.trigger.fireCh = t.sighting.signalOn(f.Link).seen
	}
	return a
}

// A triggeredPipe toxic waits for its cue.
type triggeredPipe struct {
	*Flow
	trigger   *triggerWatch
	inner     Behavior
	triggered bool // the cue was given; what belongs before it may still have to be sent
	running   tp.Toxic
}

func (a *triggeredPipe) Pipe(stub *tp.ToxicStub) {
	if a.running == nil && !a.awaitTrigger(stub) {
		return
	}
	if a.running == nil {
		a.running = a.inner.StartOn(a.Flow)
	}
	a.running.Pipe(stub)
}

// awaitTrigger passes the stream on until the cue is given; false when Pipe has to return.
func (a *triggeredPipe) awaitTrigger(stub *tp.ToxicStub) bool {
	for a.SendPending(stub) {
		if a.triggered || a.trigger.reachedAt(a.Offset) {
			a.triggered = true
			return true
		}
		c, what := a.TakeUntil(stub, a.trigger.fireCh, a.trigger.deadline)
		switch what {
		case Stopped:
			return false
		case Alarmed:
			a.triggered = true
		case GotEOF:
			if a.triggered = a.trigger.Event == "eof" || a.trigger.hasFired(); !a.triggered {
				stub.Close()
				return false
			}
		case GotChunk:
			if a.trigger.hasFired() { // it and the chunk came at once
				a.PushedBack, a.triggered = c, true
				continue
			}
			a.splitAt(c)
		}
	}
	return false
}

// splitAt sends on what of c comes before the cue and keeps the rest.
func (a *triggeredPipe) splitAt(c *stream.StreamChunk) {
	n, found := a.trigger.FindIn(a.Offset, c.Data)
	if w := a.trigger.frames; w != nil && w.missed != "" {
		a.ReportCannot(w.missed)
		w.missed = ""
	}
	a.triggered = found
	switch {
	case !found || n == len(c.Data):
		a.Sending = c
	case n == 0:
		a.PushedBack = c
	default:
		a.Sending, a.PushedBack = SplitChunk(c, n)
	}
}

// Cleanup sends on what the toxic holds, before it leaves the link for good.
func (a *triggeredPipe) Cleanup(stub *tp.ToxicStub) {
	if running, ok := a.running.(tp.CleanupToxic); ok {
		running.Cleanup(stub)
		return
	}
	a.Flow.Cleanup(stub)
}
