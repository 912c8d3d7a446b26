package toxics

import (
	"context"
	"time"

	tp "github.com/Shopify/toxiproxy/v2/toxics"

	"github.com/sockharness/harness/toxics/engine"
	"github.com/sockharness/harness/toxics/hook"
	"github.com/sockharness/harness/toxics/spec"
)

// unplugEntry is the peer that is gone without a word.
func unplugEntry() entry {
	return entry{
		Kind: spec.Kind{
			Name:    "unplug",
			Summary: "leaves the destination without a peer: no FIN, no reset, no acknowledgement",
			Description: "From its trigger on, the kernel does not acknowledge what the destination sends, and nothing is forwarded to it, as if the cable were cut: its " +
				"TCP_USER_TIMEOUT, its keep-alive or its own timeout ends the connection, with ETIMEDOUT. (stall forwards nothing, but the destination's data " +
				"and probes are acknowledged; vanish sends FIN.) What is held arrives when duration is over or the toxic is removed and the destination has waited. " +
				"TCP on Linux only: with CAP_NET_ADMIN by a socket filter, and the end of the connection is silent too; else by IP_MINTTL, and the end is a reset.",
			Attributes: []spec.Attribute{
				{Name: "duration", Kind: spec.Duration, Default: int64(0), Unit: "ms", Max: spec.MaxMilliseconds, Summary: "how long; 0: without end"},
			},
			Directions: spec.BothDirections(),
		},
		build: func(s spec.Settings, t *Toxic) error { t.useBehavior(unplug{s.Duration("duration")}); return nil },
	}
}

// An unplug leaves the destination alone and keeps the connection open.
type unplug struct{ duration time.Duration } // 0: forever

func (u unplug) StartOn(f *engine.Flow) tp.Toxic { return &unplugPipe{Flow: f, unplug: u} }

type unplugPipe struct {
	*engine.Flow
	unplug
	until time.Time // when it is over; zero: not begun, or never
	over  bool      // the destination has its peer again, or cannot lose it
}

func (p *unplugPipe) Pipe(stub *tp.ToxicStub) {
	if !p.SendPending(stub) {
		return
	}
	if !p.over && !p.leaveAlone(stub) {
		return
	}
	p.RelayChunks(stub, p.PassChunk)
}

// leaveAlone takes the peer from the destination for the duration; false when Pipe has
// to return.
func (p *unplugPipe) leaveAlone(stub *tp.ToxicStub) bool {
	w, ok := p.Link.(hook.Unplugger)
	if !ok {
		p.over = true
		return true
	}
	ctx, end := engine.UntilInterrupt(p.Link.Context(), stub)
	p.over = p.unplugUntilEnd(ctx, w)
	if p.Link.Context().Err() == nil { // else the connection ends in silence
		w.Replug()
	}
	stop := end()
	if !stop && p.Link.Context().Err() != nil {
		stub.Close()
		stop = true
	}
	return !stop
}

// unplugUntilEnd blocks until the duration is over, which it reports, or the context ends.
func (p *unplugPipe) unplugUntilEnd(ctx context.Context, w hook.Unplugger) (over bool) {
	how, err := w.Unplug(ctx, p.Offset)
	switch {
	case ctx.Err() != nil:
		return false
	case err != nil:
		p.ReportCannot(err.Error())
		return true
	}
	if p.until.IsZero() && p.duration > 0 {
		p.until = time.Now().Add(p.duration)
	}
	p.ReportStruck(p.Offset, "nothing is acknowledged and nothing is forwarded (%s)", how)
	expired, stop := p.DeadlineTimer(p.until)
	defer stop()
	select {
	case <-expired:
		return true
	case <-ctx.Done():
		return false
	}
}
