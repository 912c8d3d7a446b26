package toxics

import (
	"time"

	tp "github.com/Shopify/toxiproxy/v2/toxics"
)

// A stall stops forwarding and keeps the connection open.
type stall struct{ duration time.Duration } // 0: for ever

func (s stall) startOn(f *flow) tp.Toxic { return &stallPipe{flow: f, duration: s.duration} }

type stallPipe struct {
	*flow
	duration time.Duration
	begun    bool
}

func (p *stallPipe) Pipe(stub *tp.ToxicStub) {
	if !p.beginStall(stub) {
		return
	}
	if p.duration > 0 {
		p.relayChunks(stub, p.passChunk)
		return
	}
	select {
	case <-stub.Interrupt:
	case <-p.w.Context().Done():
		stub.Close()
	}
}

// beginStall sends on what belongs before the stall, and starts its clock.
func (p *stallPipe) beginStall(stub *tp.ToxicStub) bool {
	if p.begun {
		return !stub.Closed()
	}
	if !p.sendPending(stub) {
		return false
	}
	p.begun = true
	if p.duration == 0 {
		p.reportStruck(p.offset, "nothing is forwarded")
		return true
	}
	p.notBefore = time.Now().Add(p.duration)
	p.reportStruck(p.offset, "nothing is forwarded for %v", p.duration)
	return true
}
