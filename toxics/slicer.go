package toxics

import (
	"time"

	"github.com/Shopify/toxiproxy/v2/stream"
	tp "github.com/Shopify/toxiproxy/v2/toxics"
)

// A slicer is Toxiproxy's slicer with chance from the run's seed.
type slicer struct {
	average, variation int64
	delay              time.Duration
}

func (s slicer) startOn(f *flow) tp.Toxic {
	f.pauseAfter = s.delay
	return &slicerPipe{flow: f, slicer: s, chance: newOffsetChance(f.w.Rand())}
}

type slicerPipe struct {
	*flow
	slicer
	chance *offsetChance
}

func (p *slicerPipe) Pipe(stub *tp.ToxicStub) { p.relayChunks(stub, p.cutSlice) }

// cutSlice sends on a slice of average plus or minus variation bytes. What is no more
// than the largest slice goes whole.
func (p *slicerPipe) cutSlice(c *stream.StreamChunk) {
	p.sending = c
	if int64(len(c.Data)) <= p.average+p.variation {
		return
	}
	n := max(1, p.average-p.variation+p.chance.at(p.offset).Int64N(2*p.variation+1))
	p.reportStruck(p.offset+n, "segment of %d bytes", n)
	p.sending, p.pushedBack = splitChunk(c, int(n))
}
