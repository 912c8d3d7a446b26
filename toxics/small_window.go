package toxics

import (
	"context"
	"time"

	"github.com/Shopify/toxiproxy/v2/stream"
	tp "github.com/Shopify/toxiproxy/v2/toxics"

	"github.com/sockharness/harness/toxics/hook"
)

// A smallWindow lets the source have little in flight. The socket options are
// the proxy's to set; what runs in the link only reports, and holds back.
type smallWindow struct {
	window hook.SocketLimits
	hold   bool
	wait   time.Duration // longest hold; 0: no bound
}

func (s smallWindow) startOn(f *flow) tp.Toxic { return &windowPipe{flow: f, smallWindow: s} }

type windowPipe struct {
	*flow
	smallWindow
	released bool      // the hold is over
	patience time.Time // when it is over at the latest; zero: no bound
}

func (p *windowPipe) Pipe(stub *tp.ToxicStub) {
	if p.hold && !p.released && !p.holdBack(stub) {
		return
	}
	p.relayChunks(stub, p.reportFirstBytes)
}

// reportFirstBytes reports that the first bytes came through the small window.
func (p *windowPipe) reportFirstBytes(c *stream.StreamChunk) {
	p.sending = c
	if !p.hold {
		p.reportStruck(p.offset, "receive buffer %d bytes, segments of %d", p.window.ReceiveBuffer, p.window.SegmentSize)
	}
}

// holdBack reads nothing until the source is stuck in its send; false when Pipe
// has to return.
func (p *windowPipe) holdBack(stub *tp.ToxicStub) bool {
	if !p.sendPending(stub) {
		return false
	}
	bytes, stuck, interrupted := p.awaitBlocked(stub)
	if stuck {
		p.reportStruck(p.offset, "the sender is stuck, the kernels hold %d bytes", bytes)
	}
	p.released = stuck || !interrupted
	if p.w.Context().Err() != nil {
		stub.Close()
		return false
	}
	return !interrupted
}

// holdContext returns the context of the hold, whose clock runs on over interrupts.
func (p *windowPipe) holdContext() (context.Context, context.CancelFunc) {
	if p.wait == 0 {
		return context.WithCancel(p.w.Context())
	}
	if p.patience.IsZero() {
		p.patience = time.Now().Add(p.wait)
	}
	return context.WithDeadline(p.w.Context(), p.patience)
}

// awaitBlocked asks the wire in this goroutine, and lets another take the interrupt.
func (p *windowPipe) awaitBlocked(stub *tp.ToxicStub) (bytes int64, stuck, interrupted bool) {
	ctx, cancel := p.holdContext()
	defer cancel()
	watched := make(chan bool, 1)
	go func() {
		select {
		case <-stub.Interrupt:
			cancel()
			watched <- true
		case <-ctx.Done():
			watched <- false
		}
	}()
	bytes, err := p.w.SourceBlocked(ctx)
	cancel()
	return bytes, err == nil, <-watched
}
