package toxics

import (
	"context"
	"time"

	"github.com/Shopify/toxiproxy/v2/stream"
	tp "github.com/Shopify/toxiproxy/v2/toxics"

	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/toxics/engine"
	"github.com/sockharness/harness/toxics/hook"
	"github.com/sockharness/harness/toxics/spec"
)

// A smallWindow lets the source have little in flight. The socket options are
// the proxy's to set; what runs in the link only reports, and holds back.
type smallWindow struct {
	window hook.SocketLimits
	hold   bool
	wait   time.Duration // longest hold; 0: no bound
}

func (s smallWindow) StartOn(f *engine.Flow) tp.Toxic { return &windowPipe{Flow: f, smallWindow: s} }

type windowPipe struct {
	*engine.Flow
	smallWindow
	released bool      // the hold is over
	patience time.Time // when it is over at the latest; zero: no bound
}

func (p *windowPipe) Pipe(stub *tp.ToxicStub) {
	if p.hold && !p.released && !p.holdBack(stub) {
		return
	}
	p.RelayChunks(stub, p.reportFirstBytes)
}

// reportFirstBytes reports that the first bytes came through the small window.
func (p *windowPipe) reportFirstBytes(c *stream.StreamChunk) {
	p.Sending = c
	if !p.hold {
		p.ReportStruck(p.Offset, "receive buffer %s, segments of %d", plural.Count(p.window.ReceiveBuffer, "byte"), p.window.SegmentSize)
	}
}

// holdBack reads nothing until the source is stuck in its send; false when Pipe
// has to return.
func (p *windowPipe) holdBack(stub *tp.ToxicStub) bool {
	if !p.SendPending(stub) {
		return false
	}
	bytes, stuck, interrupted := p.awaitBlocked(stub)
	if stuck {
		p.ReportStruck(p.Offset, "the sender is stuck, the kernels hold %s", plural.Count(bytes, "byte"))
	}
	p.released = stuck || !interrupted
	if p.Link.Context().Err() != nil {
		stub.Close()
		return false
	}
	return !interrupted
}

// holdContext returns the context of the hold, whose clock runs on over interrupts.
func (p *windowPipe) holdContext() (context.Context, context.CancelFunc) {
	if p.wait == 0 {
		return context.WithCancel(p.Link.Context())
	}
	if p.patience.IsZero() {
		p.patience = time.Now().Add(p.wait)
	}
	return context.WithDeadline(p.Link.Context(), p.patience)
}

// awaitBlocked asks the wire in this goroutine, and lets another take the interrupt.
func (p *windowPipe) awaitBlocked(stub *tp.ToxicStub) (bytes int64, stuck, interrupted bool) {
	ctx, cancel := p.holdContext()
	defer cancel()
	ctx, end := engine.UntilInterrupt(ctx, stub)
	bytes, err := p.Link.SourceBlocked(ctx)
	return bytes, err == nil, end()
}

func smallWindowEntry() entry {
	return entry{
		Kind: spec.Kind{
			Name:    "small_window",
			Summary: "makes the sender's writes short: small receive buffer, small segments",
			Description: "Shrinks the receive buffer and segment size of the proxy's socket (SO_RCVBUF, TCP_MAXSEG; socket(7), tcp(7)), so that a sender fills it " +
				"early and its writes become short or block. With hold the proxy reads nothing until the sender is stuck, then everything.",
			Attributes: []spec.Attribute{
				{Name: "receive_buffer", Kind: spec.Bytes, Default: int64(4096), Unit: "bytes", Min: 1, Max: 1 << 30, Summary: "SO_RCVBUF; the kernel doubles it and applies a minimum"},
				{Name: "segment_size", Kind: spec.Int, Default: int64(1460), Unit: "bytes", Min: 88, Max: 1460, Summary: "TCP_MAXSEG"},
				{Name: "hold", Kind: spec.Bool, Default: false, Summary: "read nothing until the sender is stuck"},
				{Name: "wait", Kind: spec.Duration, Default: int64(2000), Unit: "ms", Max: spec.MaxMilliseconds, Summary: "maximum time of hold; 0: no limit"},
			},
			Directions: spec.BothDirections(),
			Intact:     true,
			Prompt:     true,
		},
		build: func(s spec.Settings, t *Toxic) error {
			t.Window = hook.SocketLimits{ReceiveBuffer: int(s.Int("receive_buffer")), SegmentSize: int(s.Int("segment_size"))}
			t.useBehavior(smallWindow{t.Window, s.Bool("hold"), s.Duration("wait")})
			return nil
		},
	}
}
