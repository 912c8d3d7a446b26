package toxics

import (
	"math/rand/v2"
	"time"

	"github.com/Shopify/toxiproxy/v2/stream"
	tp "github.com/Shopify/toxiproxy/v2/toxics"
)

// A slicer is Toxiproxy's slicer with chance from the run's seed.
type slicer struct {
	average, variation int64
	delay              time.Duration
}

func (s slicer) start(f *flow) tp.Toxic {
	f.gap = s.delay
	return &slicerPipe{flow: f, slicer: s, chance: f.w.Rand()}
}

type slicerPipe struct {
	*flow
	slicer
	chance *rand.Rand
}

func (p *slicerPipe) Pipe(stub *tp.ToxicStub) { p.relay(stub, p.cut) }

// cut sends on a slice of average plus or minus variation bytes. What is no more
// than the largest slice goes whole.
func (p *slicerPipe) cut(c *stream.StreamChunk) {
	p.out = c
	if int64(len(c.Data)) <= p.average+p.variation {
		return
	}
	n := max(1, p.average-p.variation+p.chance.Int64N(2*p.variation+1))
	p.strike(p.offset+n, "segment of %d bytes", n)
	p.out, p.held = split(c, int(n))
}
