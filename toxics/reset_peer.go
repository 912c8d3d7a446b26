package toxics

import (
	"fmt"
	"time"

	tp "github.com/Shopify/toxiproxy/v2/toxics"

	"github.com/sockharness/harness/toxics/engine"
	"github.com/sockharness/harness/toxics/hook"
	"github.com/sockharness/harness/toxics/spec"
)

func resetPeerEntry() entry {
	return entry{
		Kind: spec.Kind{
			Name:    "reset_peer",
			Summary: "resets the connection some time after the first data",
			Description: "Waits for the first data or the end of its direction, then timeout milliseconds, then resets both sides. That data is lost. " +
				"A silent source is never reset; use reset with a trigger for that.",
			Attributes: []spec.Attribute{spec.MillisAttribute("timeout", 0, "time from the first data to the reset; below 0 counts as 0")},
			Directions: spec.BothDirections(),
		},
		build: func(s spec.Settings, t *Toxic) error {
			t.useBehavior(resetPeer{max(s.Duration("timeout"), 0)})
			return nil
		},
	}
}

// A resetPeer is Toxiproxy's reset_peer: a reset some time after the first data.
type resetPeer struct{ timeout time.Duration }

func (r resetPeer) StartOn(f *engine.Flow) tp.Toxic {
	return &resetPeerPipe{Flow: f, timeout: r.timeout}
}

type resetPeerPipe struct {
	*engine.Flow
	timeout time.Duration
	ticking bool // the first chunk is kept, and sent on only if the toxic is removed in time
}

func (p *resetPeerPipe) Pipe(stub *tp.ToxicStub) {
	if !p.ticking {
		if !p.SendPending(stub) {
			return
		}
		c, what := p.TakeChunk(stub)
		if what == engine.Stopped {
			return
		}
		p.Retained, p.ticking = c, true
		p.NotBefore = time.Now().Add(p.timeout)
	}
	if !stub.Closed() && p.PauseUntilDue(stub) {
		p.Retained = nil
		p.EndStream(stub, hook.Reset, fmt.Sprintf("reset of both sides %v after the first data or EOF", p.timeout))
	}
}
