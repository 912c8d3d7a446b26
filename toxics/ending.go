package toxics

import (
	"time"

	tp "github.com/Shopify/toxiproxy/v2/toxics"

	"github.com/sockharness/harness/toxics/engine"
	"github.com/sockharness/harness/toxics/hook"
	"github.com/sockharness/harness/toxics/spec"
)

// An ending ends the stream where it is: half_close, reset and vanish.
type ending struct {
	how       hook.EndMode
	afterRead bool // not before the destination has read what precedes it
}

func (e ending) StartOn(f *engine.Flow) tp.Toxic { return &endingPipe{f, e} }

// CanStep implements [hook.Steppable].
func (e ending) CanStep() bool { return true }

type endingPipe struct {
	*engine.Flow
	ending
}

var endingDetails = [...]string{
	hook.HalfClose: "FIN to the destination, the other direction stays open",
	hook.Reset:     "reset of both sides",
	hook.Vanish:    "FIN to the destination, later bytes are answered with a reset",
}

func (p *endingPipe) Pipe(stub *tp.ToxicStub) {
	if p.SendPending(stub) {
		p.strike(stub)
	}
}

// Step moves on as far as one chunk that leaves.
func (p *endingPipe) Step(stub *tp.ToxicStub, _ engine.Inlet, now time.Time) engine.Step {
	if m, done := p.StepPending(now); done {
		return m
	}
	p.strike(stub)
	return engine.Step{Ended: true}
}

func (p *endingPipe) strike(stub *tp.ToxicStub) {
	if p.afterRead {
		p.Link.Boundary(p.Offset)
	}
	p.EndStream(stub, p.how, endingDetails[p.how])
}

func halfCloseEntry() entry {
	return entry{
		Kind: spec.Kind{
			Name:    "half_close",
			Summary: "ends one direction with FIN and keeps the other open",
			Description: "Sends FIN to the destination and keeps the other direction open: what shutdown(SHUT_WR) looks like. " +
				"What the source still sends is discarded. FIN leaves right behind the data, or with after_read only when the " +
				"destination has read it: an event loop sees a difference.",
			Attributes: []spec.Attribute{
				{Name: "after_read", Kind: spec.Bool, Default: false, Summary: "send FIN only when the destination has read all data before it (verified)"},
			},
			Directions: spec.BothDirections(),
		},
		build: func(s spec.Settings, t *Toxic) error {
			t.useBehavior(ending{how: hook.HalfClose, afterRead: s.Bool("after_read")})
			return nil
		},
	}
}

// resetEntry and vanishEntry end both directions.
func resetEntry() entry {
	return entry{
		Kind: spec.Kind{
			Name:        "reset",
			Summary:     "resets both sides",
			Description: "Resets the connection after the destination has read the data before it. Both sides get ECONNRESET.",
			Directions:  spec.BothDirections(),
		},
		build: func(_ spec.Settings, t *Toxic) error { t.useBehavior(ending{how: hook.Reset}); return nil },
	}
}

func vanishEntry() entry {
	return entry{
		Kind: spec.Kind{
			Name:    "vanish",
			Summary: "ends the stream with FIN and answers later data with a reset",
			Description: "Sends FIN to the destination and answers its later data with a reset, as a peer does that has closed its socket. " +
				"The second write of the destination raises SIGPIPE, which reset alone does not.",
			Directions: spec.BothDirections(),
		},
		build: func(_ spec.Settings, t *Toxic) error { t.useBehavior(ending{how: hook.Vanish}); return nil },
	}
}
