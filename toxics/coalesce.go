package toxics

import (
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
	parts   int   // how many chunks it came in
	joint   int64 // stream offset of the first place where two of them meet
	flush   bool  // everything held is to be sent on
	expires time.Time
}

func (p *coalescePipe) Pipe(stub *tp.ToxicStub) {
	for p.send(stub) {
		if p.flush && p.kept != nil {
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
		if p.kept == nil {
			stub.Close()
			return false
		}
		p.flush = true
	case alarmed:
		p.flush = true
	default:
		p.merge(c)
		p.flush = int64(len(p.kept.Data)) >= p.bytes
	}
	return true
}

func (p *coalescePipe) merge(c *stream.StreamChunk) {
	p.parts++
	if p.kept == nil {
		p.kept = &stream.StreamChunk{}
	} else if p.parts == 2 {
		p.joint = p.offset + int64(len(p.kept.Data))
	}
	p.kept.Data = append(p.kept.Data, c.Data...)
	p.kept.Timestamp = c.Timestamp
	if p.wait > 0 {
		p.expires = time.Now().Add(p.wait)
	}
}

// emit makes the next chunk to be sent on from what is kept.
func (p *coalescePipe) emit() {
	if p.parts > 1 {
		p.strike(p.joint, "%d segments merged into %d bytes", p.parts, len(p.kept.Data))
	}
	if len(p.kept.Data) > maxMerged {
		p.out, p.kept = split(p.kept, maxMerged)
		return
	}
	p.out, p.kept = p.kept, nil
	p.parts, p.expires = 0, time.Time{}
}
