package toxics

import (
	"time"

	"github.com/Shopify/toxiproxy/v2/stream"
	tp "github.com/Shopify/toxiproxy/v2/toxics"

	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/toxics/engine"
	"github.com/sockharness/harness/toxics/spec"
)

// maxMerged is the size of the largest chunk that coalesce sends on.
const maxMerged = 64 << 10

// A coalesce holds what arrives and sends it on merged.
type coalesce struct {
	bytes int64         // held until so many
	wait  time.Duration // or until so long nothing arrived; 0: not for that
}

func (c coalesce) StartOn(f *engine.Flow) tp.Toxic { return &coalescePipe{Flow: f, coalesce: c} }

type coalescePipe struct {
	*engine.Flow
	coalesce
	parts   int   // how many chunks it came in
	joint   int64 // stream offset of the first place where two of them meet
	flush   bool  // everything held is to be sent on
	expires time.Time
}

func (p *coalescePipe) Pipe(stub *tp.ToxicStub) {
	for p.SendPending(stub) {
		if p.flush && p.Retained != nil {
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
	c, what := p.TakeUntil(stub, nil, p.expires)
	switch what {
	case engine.Stopped:
		return false
	case engine.GotEOF:
		if p.Retained == nil {
			stub.Close()
			return false
		}
		p.flush = true
	case engine.Alarmed:
		p.flush = true
	default:
		p.mergeChunk(c)
		p.flush = int64(len(p.Retained.Data)) >= p.bytes
	}
	return true
}

func (p *coalescePipe) mergeChunk(c *stream.StreamChunk) {
	p.parts++
	if p.Retained == nil {
		p.Retained = &stream.StreamChunk{}
	} else if p.parts == 2 {
		p.joint = p.Offset + int64(len(p.Retained.Data))
	}
	p.Retained.Data = append(p.Retained.Data, c.Data...)
	p.Retained.Timestamp = c.Timestamp
	if p.wait > 0 {
		p.expires = time.Now().Add(p.wait)
	}
}

// emitMerged makes the next chunk to be sent on from what is kept.
func (p *coalescePipe) emitMerged() {
	if p.parts > 1 {
		p.ReportStruck(p.joint, "%s merged into %s", plural.Count(p.parts, "segment"), plural.Count(len(p.Retained.Data), "byte"))
	}
	if len(p.Retained.Data) > maxMerged {
		p.Sending, p.Retained = engine.SplitChunk(p.Retained, maxMerged)
		return
	}
	p.Sending, p.Retained = p.Retained, nil
	p.parts, p.expires = 0, time.Time{}
}

func coalesceEntry() entry {
	return entry{
		Kind: spec.Kind{
			Name:    "coalesce",
			Summary: "collects data and forwards it merged",
			Description: "Collects data until there are bytes bytes, or none arrived for wait milliseconds, or the stream ends. Then forwards all of it in chunks of " +
				"up to 64 KiB: several messages arrive in one read.",
			Attributes: []spec.Attribute{
				{Name: "bytes", Kind: spec.Bytes, Default: int64(maxMerged), Unit: "bytes", Min: 1, Max: 16 << 20, Summary: "number of bytes after which they are forwarded"},
				{Name: "wait", Kind: spec.Duration, Default: int64(20), Unit: "ms", Max: spec.MaxMilliseconds, Summary: "pause of the source after which data is forwarded; 0: not used"},
			},
			Directions: spec.BothDirections(),
			Intact:     true,
			Prompt:     true,
		},
		build: func(s spec.Settings, t *Toxic) error {
			t.useBehavior(coalesce{s.Int("bytes"), s.Duration("wait")})
			return nil
		},
	}
}
