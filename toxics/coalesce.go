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

func (c coalesce) startOn(f *flow) tp.Toxic { return &coalescePipe{flow: f, coalesce: c} }

type coalescePipe struct {
	*flow
	coalesce
	parts   int   // how many chunks it came in
	joint   int64 // stream offset of the first place where two of them meet
	flush   bool  // everything held is to be sent on
	expires time.Time
}

func (p *coalescePipe) Pipe(stub *tp.ToxicStub) {
	for p.sendPending(stub) {
		if p.flush && p.retained != nil {
			p.emitMerged()
			continue
		}
		if p.flush = false; !p.gatherChunk(stub) {
			return
		}
	}
}

// gatherChunk takes one more chunk, or decides that it is time to send on.
func (p *coalescePipe) gatherChunk(stub *tp.ToxicStub) bool {
	c, what := p.takeUntil(stub, nil, p.expires)
	switch what {
	case stopped:
		return false
	case eof:
		if p.retained == nil {
			stub.Close()
			return false
		}
		p.flush = true
	case alarmed:
		p.flush = true
	default:
		p.mergeChunk(c)
		p.flush = int64(len(p.retained.Data)) >= p.bytes
	}
	return true
}

func (p *coalescePipe) mergeChunk(c *stream.StreamChunk) {
	p.parts++
	if p.retained == nil {
		p.retained = &stream.StreamChunk{}
	} else if p.parts == 2 {
		p.joint = p.offset + int64(len(p.retained.Data))
	}
	p.retained.Data = append(p.retained.Data, c.Data...)
	p.retained.Timestamp = c.Timestamp
	if p.wait > 0 {
		p.expires = time.Now().Add(p.wait)
	}
}

// emitMerged makes the next chunk to be sent on from what is kept.
func (p *coalescePipe) emitMerged() {
	if p.parts > 1 {
		p.reportStruck(p.joint, "%d segments merged into %d bytes", p.parts, len(p.retained.Data))
	}
	if len(p.retained.Data) > maxMerged {
		p.sending, p.retained = splitChunk(p.retained, maxMerged)
		return
	}
	p.sending, p.retained = p.retained, nil
	p.parts, p.expires = 0, time.Time{}
}
