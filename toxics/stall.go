package toxics

import (
	"time"

	tp "github.com/Shopify/toxiproxy/v2/toxics"

	"github.com/sockharness/harness/toxics/engine"
	"github.com/sockharness/harness/toxics/spec"
)

// A stall stops forwarding and keeps the connection open.
type stall struct{ duration time.Duration } // 0: forever

func (s stall) StartOn(f *engine.Flow) tp.Toxic { return &stallPipe{Flow: f, duration: s.duration} }

type stallPipe struct {
	*engine.Flow
	duration time.Duration
	begun    bool
}

func (p *stallPipe) Pipe(stub *tp.ToxicStub) {
	if !p.beginStall(stub) {
		return
	}
	if p.duration > 0 {
		p.RelayChunks(stub, p.PassChunk)
		return
	}
	p.AwaitInterrupt(stub)
}

// beginStall sends on what belongs before the stall, and starts its clock.
func (p *stallPipe) beginStall(stub *tp.ToxicStub) bool {
	if p.begun {
		return !stub.Closed()
	}
	if !p.SendPending(stub) {
		return false
	}
	p.begun = true
	if p.duration == 0 {
		p.ReportStruck(p.Offset, "nothing is forwarded")
		return true
	}
	p.NotBefore = time.Now().Add(p.duration)
	p.ReportStruck(p.Offset, "nothing is forwarded for %v", p.duration)
	return true
}

func stallEntry() entry {
	return entry{
		Kind: spec.Kind{
			Name:    "stall",
			Summary: "stops forwarding and keeps the connection open",
			Description: "Forwards nothing for duration milliseconds, or without end, and does not read from the source meanwhile, so that the source is slowed " +
				"down too. Afterwards all data arrives, then the end of the stream. Nothing is lost.",
			Attributes: []spec.Attribute{
				{Name: "duration", Kind: spec.Duration, Default: int64(0), Unit: "ms", Max: spec.MaxMilliseconds, Summary: "how long; 0: without end"},
			},
			Directions: spec.BothDirections(),
		},
		build: func(s spec.Settings, t *Toxic) error { t.useBehavior(stall{s.Duration("duration")}); return nil },
	}
}
