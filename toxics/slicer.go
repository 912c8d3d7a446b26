package toxics

import (
	"fmt"
	"time"

	"github.com/Shopify/toxiproxy/v2/stream"
	tp "github.com/Shopify/toxiproxy/v2/toxics"

	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/toxics/engine"
	"github.com/sockharness/harness/toxics/spec"
)

// A slicer is Toxiproxy's slicer with chance from the run's seed.
type slicer struct {
	average, variation int64
	delay              time.Duration
}

func (s slicer) StartOn(f *engine.Flow) tp.Toxic {
	f.PauseAfter = s.delay
	return &slicerPipe{Flow: f, slicer: s, chance: engine.NewOffsetSource(f.Link.Rand())}
}

// CanStep implements [hook.Steppable].
func (slicer) CanStep() bool { return true }

type slicerPipe struct {
	*engine.Flow
	slicer
	chance *engine.OffsetSource
}

func (p *slicerPipe) Pipe(stub *tp.ToxicStub) { p.RelayChunks(stub, p.cutSlice) }

// Step moves on as far as one chunk that leaves.
func (p *slicerPipe) Step(stub *tp.ToxicStub, in engine.Inlet, now time.Time) engine.Step {
	return p.StepRelay(stub, in, now, p.cutSlice)
}

// cutSlice sends on a slice of average plus or minus variation bytes. What is no more
// than the largest slice goes whole.
func (p *slicerPipe) cutSlice(c *stream.StreamChunk) {
	p.Sending = c
	if int64(len(c.Data)) <= p.average+p.variation {
		return
	}
	n := max(1, p.average-p.variation+p.chance.At(p.Offset).Int64N(2*p.variation+1))
	p.ReportStruck(p.Offset+n, "segment of %s", plural.Count(n, "byte"))
	p.Sending, p.PushedBack = engine.SplitChunk(c, int(n))
}

func slicerEntry() entry {
	return entry{
		Kind: spec.Kind{
			Name:    "slicer",
			Summary: "splits the data into small pieces of varying size",
			Description: "Forwards each chunk in pieces of average_size plus or minus size_variation bytes and waits after each. The sizes come from " +
				"the run's seed. The pieces are separate writes; whether the receiver reads them one by one is not verified; slice does that.",
			Attributes: []spec.Attribute{
				{Name: "average_size", Kind: spec.Int, Default: int64(0), Unit: "bytes", Min: 1, Max: 1 << 40, Summary: "average size of a piece; required"},
				{Name: "size_variation", Kind: spec.Int, Default: int64(0), Unit: "bytes", Min: 0, Max: 1 << 40, Summary: "maximum deviation from the average, at most average_size"},
				{Name: "delay", Kind: spec.Int, Default: int64(0), Unit: "µs", Min: -spec.MaxMilliseconds, Max: spec.MaxMilliseconds, Summary: "wait after each piece; below 0 counts as 0"},
			},
			Directions: spec.BothDirections(),
			Intact:     true,
			Prompt:     true,
		},
		build: buildSlicer,
	}
}

func buildSlicer(s spec.Settings, t *Toxic) error {
	average, variation := s.Int("average_size"), s.Int("size_variation")
	if variation > average {
		return fmt.Errorf("size_variation must be at most average_size, %d, got %d", average, variation)
	}
	t.useBehavior(slicer{average, variation, time.Duration(max(s.Int("delay"), 0)) * time.Microsecond})
	return nil
}
