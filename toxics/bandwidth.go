package toxics

import (
	"math"
	"sync"
	"time"

	"github.com/Shopify/toxiproxy/v2/stream"
	tp "github.com/Shopify/toxiproxy/v2/toxics"

	"github.com/sockharness/harness/toxics/engine"
	"github.com/sockharness/harness/toxics/spec"
)

// bandwidthEntry is Toxiproxy's bandwidth under its name. Unlike there, the first
// byte does not wait for a tenth of a second's worth of others, and an interrupt
// loses nothing.
func bandwidthEntry() entry {
	return entry{
		Kind: spec.Kind{
			Name:    "bandwidth",
			Summary: "limits the rate",
			Description: "Forwards at most rate kilobytes (of 1000 bytes) a second, as a wire of that rate would: the n-th byte leaves n/rate after the first one " +
				"arrived, in pieces of 1 ms at first and of 20 ms when there is more to send. Pauses of the source of up to 20 ms do not lower the rate. " +
				"The rate applies to each connection and direction, or with shared to all connections of the proxy together, which take turns. " +
				"A rate of 0 forwards nothing and keeps what has arrived.",
			Attributes: []spec.Attribute{
				{Name: "rate", Kind: spec.Int, Default: int64(0), Unit: "KB/s", Min: 0, Max: math.MaxInt64 / 100, Summary: "kilobytes a second; 0: nothing is forwarded"},
				{Name: "shared", Kind: spec.Bool, Default: false, Extension: true, Summary: "all connections of the proxy share the rate, in this direction"},
			},
			Directions: spec.BothDirections(),
			Intact:     true,
		},
		build: func(s spec.Settings, t *Toxic) error {
			b := bandwidth{rate: s.Int("rate")}
			if s.Bool("shared") {
				b.shared = &pace{rate: b.rate}
			}
			t.useBehavior(b)
			return nil
		},
	}
}

// A bandwidth limits the rate, in bytes per millisecond.
type bandwidth struct {
	rate   int64
	shared *pace // nil: each link has its own
}

func (b bandwidth) StartOn(f *engine.Flow) tp.Toxic {
	if b.rate == 0 {
		return &blocked{Flow: f}
	}
	p := &bandwidthPipe{Flow: f, pace: b.shared, piece: firstPiece}
	if p.pace == nil {
		p.pace = &pace{rate: b.rate}
	}
	return p
}

// CanStep implements [hook.Steppable]: one that blocks has to be interrupted.
func (b bandwidth) CanStep() bool { return b.rate > 0 }

type bandwidthPipe struct {
	*engine.Flow
	pace  *pace
	piece int64     // size of the next piece, ms
	ready time.Time // since when a step waits for the next chunk
}

func (p *bandwidthPipe) Pipe(stub *tp.ToxicStub) {
	for p.SendPending(stub) {
		ready := time.Now()
		switch c, what := p.TakeChunk(stub); what {
		case engine.Stopped:
			return
		case engine.GotEOF:
			stub.Close()
			return
		default:
			p.sendAtRate(c, ready)
		}
	}
}

// Step moves on as far as one chunk that leaves.
func (p *bandwidthPipe) Step(stub *tp.ToxicStub, in engine.Inlet, now time.Time) engine.Step {
	for {
		if m, done := p.StepPending(now); done {
			return m
		}
		if p.ready.IsZero() {
			p.ready = now
		}
		switch c, what := p.StepTake(in); what {
		case engine.Stopped:
			return engine.Step{}
		case engine.GotEOF:
			stub.Close()
			return engine.Step{Ended: true}
		default:
			p.sendAtRate(c, p.ready)
			p.ready = time.Time{}
		}
	}
}

// sendAtRate sends on a piece of c when a wire of the rate would have carried its
// last byte. Since ready the toxic was waiting for c.
func (p *bandwidthPipe) sendAtRate(c *stream.StreamChunk, ready time.Time) {
	p.ReportStruck(p.Offset, "limited to %d KB/s", p.pace.rate)
	n, due := p.pace.reserveSlot(ready, time.Now(), len(c.Data), p.piece)
	p.piece = min(2*p.piece, mostPiece)
	p.Sending, p.NotBefore = c, due
	if n < len(c.Data) {
		p.Sending, p.PushedBack = engine.SplitChunk(c, n)
	}
}

// The size of a piece, as the time that it takes.
const (
	firstPiece = 1  // ms
	mostPiece  = 20 // ms
)

// Timers and the scheduler are late, which must not lower the rate: as long as
// the source pauses for no longer than is forgiven, what it sends counts as sent
// when the wire became free, up to a limit.
const (
	forgiven = 20 * time.Millisecond
	mostLate = 100 * time.Millisecond
)

// A pace is a wire of a certain rate.
type pace struct {
	rate int64 // bytes per millisecond, above 0

	mu   sync.Mutex
	free time.Time // when the wire has carried all that was reserved
}

// reserveSlot takes the wire for a piece, in milliseconds, of the size bytes that
// are there now and were waited for. It returns how many bytes that is, and when
// the last of them is through.
func (p *pace) reserveSlot(ready, now time.Time, size int, piece int64) (n int, due time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	limit := now.Add(-mostLate)
	if now.Sub(ready) > forgiven || p.free.IsZero() { // the source paused
		limit = now
	}
	if p.free.Before(limit) {
		p.free, piece = limit, firstPiece
	}
	n = int(min(int64(size), p.rate*piece))
	p.free = p.free.Add(time.Duration(n) * time.Millisecond / time.Duration(p.rate))
	return n, p.free
}

// A blocked is a bandwidth of 0: it keeps the first chunk, and so what follows it,
// until it is taken away. An end without data before it passes.
type blocked struct{ *engine.Flow }

func (d *blocked) Pipe(stub *tp.ToxicStub) {
	if !d.SendPending(stub) {
		return
	}
	if d.Retained == nil {
		c, what := d.TakeChunk(stub)
		switch what {
		case engine.Stopped:
			return
		case engine.GotEOF:
			stub.Close()
			return
		}
		d.Retained = c
		d.ReportStruck(d.Offset, "limited to 0 KB/s")
	}
	d.AwaitInterrupt(stub)
}
