package engine

import (
	"time"

	tp "github.com/Shopify/toxiproxy/v2/toxics"

	"github.com/sockharness/harness/toxics/hook"
)

// A Behavior is a toxic of ours before it is attached. start makes the instance
// that owns f from then on; f may be in the middle of the stream.
type Behavior interface {
	StartOn(f *Flow) tp.Toxic
}

// An AttachableToxic is a behavior that a link can attach. It is used by reference: a link compares
// its toxics to see which of them are new.
type AttachableToxic struct {
	Behavior
	Seed *int64 // nil: chance is the link's
}

// Attach returns the toxic of one link.
func (t *AttachableToxic) Attach(w hook.Link) tp.Toxic {
	return &instance{link: t.seededWire(w), behavior: t.Behavior}
}

// seededWire returns w with the toxic's own chance, if it has one.
func (t *AttachableToxic) seededWire(w hook.Link) hook.Link {
	if t.Seed == nil {
		return w
	}
	return &seeded{Link: w, seed: *t.Seed}
}

// A delaying behavior knows how long it delays what begins at an offset.
type delaying interface {
	DelaysOn(f *Flow) func(offset int64) time.Duration
}

// Delays implements [hook.Delayer]: nil unless the behavior delays.
func (t *AttachableToxic) Delays(w hook.Link) func(offset int64) time.Duration {
	d, ok := t.Behavior.(delaying)
	if !ok {
		return nil
	}
	return d.DelaysOn(&Flow{Link: t.seededWire(w)})
}

// Pipe passes everything on: without a wire there is nothing to strike.
func (t *AttachableToxic) Pipe(stub *tp.ToxicStub) { new(tp.NoopToxic).Pipe(stub) }

// An instance toxic is that of one link. It keeps its flow in the stub's State,
// where a toxic that replaces it with other attributes finds it.
type instance struct {
	link     hook.Link
	behavior Behavior
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
	f, ok := stub.State.(*Flow)
	if !ok {
		f = new(Flow)
		stub.State = f
	}
	f.resetFor(a.link)
	a.running = a.behavior.StartOn(f)
}
