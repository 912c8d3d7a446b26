package toxics

import (
	"fmt"
	"slices"
	"time"

	"github.com/Shopify/toxiproxy/v2/stream"
	tp "github.com/Shopify/toxiproxy/v2/toxics"

	"github.com/sockharness/harness/toxics/engine"
	"github.com/sockharness/harness/toxics/spec"
)

// A slice cuts the stream into segments that the receiver reads one by one.
type slice struct {
	sizes   []int64 // sizes of the segments, over and over; or
	offsets []int64 // stream offsets of the only boundaries, ascending
}

func (s slice) StartOn(f *engine.Flow) tp.Toxic {
	p := &slicePipe{Flow: f, slice: s, boundary: -1, asked: -1}
	p.origin = f.Offset
	return p
}

// CanStep implements [hook.Steppable].
func (slice) CanStep() bool { return true }

type slicePipe struct {
	*engine.Flow
	slice
	origin   int64 // where the first segment begins
	segment  int   // how many segments have begun before the next boundary
	boundary int64 // the latest boundary that everything before has reached
	asked    int64 // the latest boundary asked for
}

func (p *slicePipe) Pipe(stub *tp.ToxicStub) { p.RelayChunks(stub, p.cutSegment) }

// Step moves on as far as one chunk that leaves.
func (p *slicePipe) Step(stub *tp.ToxicStub, in engine.Inlet, now time.Time) engine.Step {
	return p.StepRelay(stub, in, now, p.cutSegment)
}

// cutSegment sends on no more than what is left of the segment.
func (p *slicePipe) cutSegment(c *stream.StreamChunk) {
	if p.Offset == p.asked {
		p.ReportStruck(p.Offset, "segment boundary at byte %d", p.Offset)
	}
	next, ok := p.nextBoundary()
	if left := next - p.Offset; ok && left <= int64(len(c.Data)) {
		p.asked = next
		p.Link.Boundary(next)
		if left < int64(len(c.Data)) {
			c, p.PushedBack = engine.SplitChunk(c, int(left))
		}
	}
	p.Sending = c
}

// nextBoundary returns the first boundary beyond what was sent on.
func (p *slicePipe) nextBoundary() (int64, bool) {
	if len(p.sizes) == 0 {
		i, found := slices.BinarySearch(p.offsets, p.Offset)
		if found {
			i++
		}
		if i == len(p.offsets) {
			return 0, false
		}
		return p.offsets[i], true
	}
	for p.boundary <= p.Offset {
		if p.boundary < 0 {
			p.boundary = p.origin
		}
		p.boundary += p.sizes[p.segment%len(p.sizes)]
		p.segment++
	}
	return p.boundary, true
}

func sliceEntry() entry {
	return entry{
		Kind: spec.Kind{
			Name:    "slice",
			Summary: "cuts the stream into segments that the receiver reads one by one",
			Description: "Bytes after a boundary leave only when the receiver has read all bytes before it. This is verified where the system allows it. " +
				"Boundaries are offsets in the stream: they do not depend on how the source writes. Give one of size, sizes and offsets; " +
				"without them every byte is its own segment.",
			Attributes: []spec.Attribute{
				{Name: "size", Kind: spec.Bytes, Default: int64(0), Unit: "bytes", Max: 1 << 40, Summary: "size of every segment; 0: not used"},
				{Name: "sizes", Kind: spec.Ints, Unit: "bytes", Min: 1, Max: 1 << 40, Summary: "sizes of the segments, repeated"},
				{Name: "offsets", Kind: spec.Ints, Unit: "bytes", Min: 1, Max: spec.MaxSize, Summary: "stream offsets of the boundaries"},
			},
			Directions: spec.BothDirections(),
			Intact:     true,
			Prompt:     true,
		},
		build: buildSlice,
	}
}

func buildSlice(s spec.Settings, t *Toxic) error {
	size, sizes, offsets := s.Int("size"), s.Ints("sizes"), s.Ints("offsets")
	given := 0
	for _, g := range []bool{size > 0, len(sizes) > 0, len(offsets) > 0} {
		if g {
			given++
		}
	}
	switch {
	case given > 1:
		return fmt.Errorf("give one of size, sizes and offsets, got %d of them", given)
	case size > 0:
		sizes = []int64{size}
	case given == 0:
		sizes = []int64{1}
	}
	t.useBehavior(slice{sizes: slices.Clone(sizes), offsets: sortedDistinct(offsets)})
	return nil
}

// sortedDistinct returns the distinct offsets in order.
func sortedDistinct(offsets []int64) []int64 {
	return slices.Compact(slices.Sorted(slices.Values(offsets)))
}
