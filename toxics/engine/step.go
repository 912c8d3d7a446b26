package engine

import (
	"time"

	"github.com/Shopify/toxiproxy/v2/stream"
	tp "github.com/Shopify/toxiproxy/v2/toxics"

	"github.com/sockharness/harness/toxics/hook"
	"github.com/sockharness/harness/toxics/spec"
)

// What waits before a toxic that steps, and what became of a step, in chunks of
// Toxiproxy's.
type (
	Inlet = hook.Inlet[stream.StreamChunk]
	Step  = hook.Step[stream.StreamChunk]
)

// A stepping toxic is one at work that moves on without waiting: as far as one chunk that
// leaves. Steps and calls of Pipe may take turns, on the same stub, and are never under
// way at once: what one of them has taken in and not sent on, the next one finds.
type stepping interface {
	Step(stub *tp.ToxicStub, in Inlet, now time.Time) Step
}

var (
	_ hook.Steppable = (*AttachableToxic)(nil)
	_ hook.Steppable = TriggeredBehavior{}
	_ stepping       = (*instance)(nil)
	_ stepping       = (*triggeredPipe)(nil)
)

// CanStep implements [hook.Steppable].
func (t *AttachableToxic) CanStep() bool { return hook.CanStep(t.Behavior) }

// Step moves on as far as one chunk that leaves.
func (a *instance) Step(stub *tp.ToxicStub, in Inlet, now time.Time) Step {
	a.ensureStarted(stub)
	return a.running.(stepping).Step(stub, in, now)
}

// StepPending gives what is to be sent on, or says how long to wait before anything else
// is done. It returns false when there is neither.
func (f *Flow) StepPending(now time.Time) (m Step, done bool) {
	if f.NotBefore.After(now) {
		return Step{Due: f.NotBefore}, true
	}
	f.NotBefore = time.Time{}
	if f.Sending == nil {
		return m, false
	}
	m.Out, f.Sending = f.Sending, nil
	f.Offset += int64(len(m.Out.Data))
	if f.PauseAfter > 0 {
		f.NotBefore = now.Add(f.PauseAfter)
	}
	return m, true
}

// StepTake takes the next chunk, if there is one; Stopped: there is nothing yet.
func (f *Flow) StepTake(in Inlet) (*stream.StreamChunk, arrival) {
	if c := f.PushedBack; c != nil {
		f.PushedBack = nil
		return c, GotChunk
	}
	for !f.Ended {
		c, end := in.Take()
		switch {
		case c == nil && !end:
			return nil, Stopped
		case c == nil:
			f.Ended = true
		case len(c.Data) > 0:
			return c, GotChunk
		}
	}
	return nil, GotEOF
}

// StepRelay is a step of RelayChunks.
func (f *Flow) StepRelay(stub *tp.ToxicStub, in Inlet, now time.Time, prepare func(*stream.StreamChunk)) Step {
	for {
		if m, done := f.StepPending(now); done {
			return m
		}
		switch c, what := f.StepTake(in); what {
		case Stopped:
			return Step{}
		case GotEOF:
			stub.Close()
			return Step{Ended: true}
		default:
			prepare(c)
		}
	}
}

// CanStep implements [hook.Steppable].
func (t TriggeredBehavior) CanStep() bool { return needsNoEvent(t.at) && hook.CanStep(t.inner) }

// needsNoEvent reports whether nothing but the stream and the time tells of a trigger.
func needsNoEvent(t spec.Trigger) bool {
	return len(t.Opposite) == 0 && (t.Event == "" || t.Event == "open" || t.Event == "eof")
}

// Step moves on as far as one chunk that leaves.
func (a *triggeredPipe) Step(stub *tp.ToxicStub, in Inlet, now time.Time) Step {
	for a.running == nil {
		if m, done := a.StepPending(now); done {
			return m
		}
		if a.triggered || a.trigger.reachedAt(a.Offset) {
			a.triggered = true
			a.running = a.inner.StartOn(a.Flow)
			break
		}
		switch c, what := a.StepTake(in); what {
		case Stopped:
			return Step{Due: a.trigger.deadline}
		case GotEOF:
			if a.triggered = a.trigger.Event == "eof"; !a.triggered {
				stub.Close()
				return Step{Ended: true}
			}
		default:
			a.splitAt(c)
		}
	}
	return a.running.(stepping).Step(stub, in, now)
}
