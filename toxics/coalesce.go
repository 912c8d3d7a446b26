package toxics

import (
	"fmt"
	"time"

	"github.com/Shopify/toxiproxy/v2/stream"
	tp "github.com/Shopify/toxiproxy/v2/toxics"
)

// maxMerged is the size of the largest chunk that coalesce sends on.
const maxMerged = 64 << 10

// A coalesce holds what arrives and sends it on merged.
type coalesce struct {
	bytes int64         // held until so many
	wait  time.Duration // or until so long nothing arrived; 0: not for that
}

func (c coalesce) start(f *flow) tp.Toxic { return &coalescePipe{flow: f, coalesce: c} }

type coalescePipe struct {
	*flow
	coalesce
	merged  []byte // what is held
	parts   int    // how many chunks it came in
	joint   int64  // stream offset of the first place where two of them meet
	flush   bool   // everything held is to be sent on
	latest  time.Time
	expires time.Time
}

func (p *coalescePipe) Pipe(stub *tp.ToxicStub) {
	for p.send(stub) {
		if p.flush && len(p.merged) > 0 {
			p.emit()
			continue
		}
		if p.flush = false; !p.gather(stub) {
			return
		}
	}
}

// gather takes one more chunk, or decides that it is time to send on.
func (p *coalescePipe) gather(stub *tp.ToxicStub) bool {
	c, what := p.takeUntil(stub, nil, p.expires)
	switch what {
	case stopped:
		return false
	case eof:
		if len(p.merged) == 0 {
			stub.Close()
			return false
		}
		p.flush = true
	case alarmed:
		p.flush = true
	default:
		p.merge(c)
		p.flush = int64(len(p.merged)) >= p.bytes
	}
	return true
}

func (p *coalescePipe) merge(c *stream.StreamChunk) {
	if p.parts++; p.parts == 2 {
		p.joint = p.offset + int64(len(p.merged))
	}
	p.merged = append(p.merged, c.Data...)
	p.latest = c.Timestamp
	if p.wait > 0 {
		p.expires = time.Now().Add(p.wait)
	}
}

// emit makes the next chunk to be sent on from what is held.
func (p *coalescePipe) emit() {
	if p.parts > 1 {
		p.strike(p.joint, fmt.Sprintf("%d segments merged into %d bytes", p.parts, len(p.merged)))
	}
	n := min(len(p.merged), maxMerged)
	p.out = &stream.StreamChunk{Data: p.merged[:n:n], Timestamp: p.latest}
	if p.merged = p.merged[n:]; len(p.merged) == 0 {
		p.merged, p.parts, p.expires = nil, 0, time.Time{}
	}
}

// Cleanup sends on what is held, before the toxic leaves the link for good.
func (p *coalescePipe) Cleanup(stub *tp.ToxicStub) {
	rest := &stream.StreamChunk{Data: p.merged, Timestamp: p.latest}
	if len(p.merged) == 0 {
		rest = nil
	}
	p.merged = nil
	p.surrender(stub, &p.out, &rest, &p.held)
}
