package toxics

import (
	"fmt"
	"time"

	tp "github.com/Shopify/toxiproxy/v2/toxics"

	"github.com/sockharness/harness/harness/wire"
)

// An ending ends the stream where it is: half_close, reset and vanish.
type ending struct {
	how       wire.End
	afterRead bool // not before the destination has read what precedes it
}

func (e ending) start(f *flow) tp.Toxic { return &endingPipe{f, e} }

type endingPipe struct {
	*flow
	ending
}

var endingDetails = [...]string{
	wire.HalfClose: "FIN to the destination, the other direction stays open",
	wire.Reset:     "reset of both sides",
	wire.Vanish:    "FIN to the destination, later bytes are answered by a reset",
}

func (p *endingPipe) Pipe(stub *tp.ToxicStub) {
	if p.send(stub) {
		if p.afterRead {
			p.w.Boundary(p.offset)
		}
		p.end(stub, p.how, endingDetails[p.how])
	}
}

// A resetPeer is Toxiproxy's reset_peer: a reset some time after the first data.
type resetPeer struct{ timeout time.Duration }

func (r resetPeer) start(f *flow) tp.Toxic { return &resetPeerPipe{flow: f, timeout: r.timeout} }

type resetPeerPipe struct {
	*flow
	timeout time.Duration
	ticking bool // the first chunk is kept, and sent on only if the toxic is removed in time
}

func (p *resetPeerPipe) Pipe(stub *tp.ToxicStub) {
	if !p.ticking {
		if !p.send(stub) {
			return
		}
		c, what := p.take(stub)
		if what == stopped {
			return
		}
		p.kept, p.ticking = c, true
		p.due = time.Now().Add(p.timeout)
	}
	if !stub.Closed() && p.pause(stub) {
		p.kept = nil
		p.end(stub, wire.Reset, fmt.Sprintf("reset of both sides %v after the first data or EOF", p.timeout))
	}
}
