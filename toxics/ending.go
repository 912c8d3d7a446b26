package toxics

import (
	"fmt"
	"time"

	tp "github.com/Shopify/toxiproxy/v2/toxics"

	"github.com/sockharness/harness/toxics/hook"
)

// An ending ends the stream where it is: half_close, reset and vanish.
type ending struct {
	how       hook.EndMode
	afterRead bool // not before the destination has read what precedes it
}

func (e ending) startOn(f *flow) tp.Toxic { return &endingPipe{f, e} }

type endingPipe struct {
	*flow
	ending
}

var endingDetails = [...]string{
	hook.HalfClose: "FIN to the destination, the other direction stays open",
	hook.Reset:     "reset of both sides",
	hook.Vanish:    "FIN to the destination, later bytes are answered with a reset",
}

func (p *endingPipe) Pipe(stub *tp.ToxicStub) {
	if p.sendPending(stub) {
		if p.afterRead {
			p.w.Boundary(p.offset)
		}
		p.endStream(stub, p.how, endingDetails[p.how])
	}
}

// A resetPeer is Toxiproxy's reset_peer: a reset some time after the first data.
type resetPeer struct{ timeout time.Duration }

func (r resetPeer) startOn(f *flow) tp.Toxic { return &resetPeerPipe{flow: f, timeout: r.timeout} }

type resetPeerPipe struct {
	*flow
	timeout time.Duration
	ticking bool // the first chunk is kept, and sent on only if the toxic is removed in time
}

func (p *resetPeerPipe) Pipe(stub *tp.ToxicStub) {
	if !p.ticking {
		if !p.sendPending(stub) {
			return
		}
		c, what := p.takeChunk(stub)
		if what == stopped {
			return
		}
		p.retained, p.ticking = c, true
		p.notBefore = time.Now().Add(p.timeout)
	}
	if !stub.Closed() && p.pauseUntilDue(stub) {
		p.retained = nil
		p.endStream(stub, hook.Reset, fmt.Sprintf("reset of both sides %v after the first data or EOF", p.timeout))
	}
}
