package toxics

import (
	"slices"

	"github.com/Shopify/toxiproxy/v2/stream"
	tp "github.com/Shopify/toxiproxy/v2/toxics"
)

// A slice cuts the stream into segments that the receiver reads one by one.
type slice struct {
	sizes   []int64 // sizes of the segments, over and over; or
	offsets []int64 // stream offsets of the only boundaries, ascending
}

func (s slice) startOn(f *flow) tp.Toxic {
	p := &slicePipe{flow: f, slice: s, boundary: -1, asked: -1}
	p.origin = f.offset
	return p
}

type slicePipe struct {
	*flow
	slice
	origin   int64 // where the first segment begins
	segment  int   // how many segments have begun before the next boundary
	boundary int64 // the latest boundary that everything before has reached
	asked    int64 // the latest boundary asked for
}

func (p *slicePipe) Pipe(stub *tp.ToxicStub) { p.relayChunks(stub, p.cutSegment) }

// cutSegment sends on no more than what is left of the segment.
func (p *slicePipe) cutSegment(c *stream.StreamChunk) {
	if p.offset == p.asked {
		p.reportStruck(p.offset, "segment boundary at byte %d", p.offset)
	}
	next, ok := p.nextBoundary()
	if left := next - p.offset; ok && left <= int64(len(c.Data)) {
		p.asked = next
		p.w.Boundary(next)
		if left < int64(len(c.Data)) {
			c, p.pushedBack = splitChunk(c, int(left))
		}
	}
	p.sending = c
}

// nextBoundary returns the first boundary beyond what was sent on.
func (p *slicePipe) nextBoundary() (int64, bool) {
	if len(p.sizes) == 0 {
		i, found := slices.BinarySearch(p.offsets, p.offset)
		if found {
			i++
		}
		if i == len(p.offsets) {
			return 0, false
		}
		return p.offsets[i], true
	}
	for p.boundary <= p.offset {
		if p.boundary < 0 {
			p.boundary = p.origin
		}
		p.boundary += p.sizes[p.segment%len(p.sizes)]
		p.segment++
	}
	return p.boundary, true
}
