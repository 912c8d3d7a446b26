package toxics

import (
	"time"

	"github.com/Shopify/toxiproxy/v2/stream"
	tp "github.com/Shopify/toxiproxy/v2/toxics"

	"github.com/sockharness/harness/harness/seed"
	"github.com/sockharness/harness/toxics/engine"
	"github.com/sockharness/harness/toxics/hook"
	"github.com/sockharness/harness/toxics/spec"
)

// latencyEntry is Toxiproxy's latency with chance from the run's seed, and with
// other distributions of the jitter.
func latencyEntry() entry {
	return entry{
		Kind: spec.Kind{
			Name:    "latency",
			Summary: "delays all data, with a random jitter",
			Description: "Forwards each chunk latency milliseconds, plus or minus a random jitter, after it was read. " +
				"The order is kept. Several latency toxics add up. The end of the stream has no delay of its own. The jitter comes from the run's seed. " +
				"Its distribution is uniform: whole milliseconds from latency-jitter up to, not including, latency+jitter, or microseconds where one of them has any; " +
				"normal: latency + jitter·N(0,1); pareto: latency + jitter·(X-1.5)/0.866, where X is Pareto's with shape 3 and least value 1, " +
				"so that most delays are a little below latency and few are far above it. In the last two the mean is latency and the standard deviation is jitter. " +
				"A delay below 0 is 0.",
			Attributes: []spec.Attribute{
				spec.FineAttribute("latency", 0, "how long each chunk is delayed, also in microseconds such as 200µs; below 0 counts as 0"),
				spec.FineAttribute("jitter", 0, "variation of the delay, see distribution; below 0 counts as 0"),
				{Name: "distribution", Kind: spec.Word, Default: seed.Uniform, Choices: []string{seed.Uniform, seed.Normal, seed.Pareto}, Extension: true,
					Summary: "distribution of the jitter: uniform, normal or pareto"},
			},
			Directions: spec.BothDirections(),
			Intact:     true,
		},
		build: func(s spec.Settings, t *Toxic) error {
			t.useBehavior(latency{s.Duration("latency"), s.Duration("jitter"), s.Word("distribution")})
			t.BufferSize = new(tp.LatencyToxic).GetBufferSize()
			return nil
		},
	}
}

// A latency delays each chunk.
type latency struct {
	latency, jitter time.Duration
	distribution    string
}

func (l latency) StartOn(f *engine.Flow) tp.Toxic {
	return &latencyPipe{Flow: f, latency: l, chance: l.offsetChance(f.Link)}
}

// OffsetChance returns what the jitter is drawn from; nil without one, since a
// generator takes memory.
func (l latency) offsetChance(w hook.Link) *engine.OffsetSource {
	if l.jitter <= 0 {
		return nil
	}
	return engine.NewOffsetSource(w.Rand())
}

// drawAt draws the delay of what begins at the offset.
func (l latency) drawAt(offset int64, chance *engine.OffsetSource) time.Duration {
	if chance == nil {
		return seed.DrawDelay(l.latency, l.jitter, l.distribution, nil)
	}
	return seed.DrawDelay(l.latency, l.jitter, l.distribution, chance.At(offset))
}

// CanStep implements [hook.Steppable].
func (latency) CanStep() bool { return true }

type latencyPipe struct {
	*engine.Flow
	latency latency
	chance  *engine.OffsetSource // nil: there is nothing to draw
}

func (p *latencyPipe) Pipe(stub *tp.ToxicStub) { p.RelayChunks(stub, p.holdChunk) }

// Step moves on as far as one chunk that leaves.
func (p *latencyPipe) Step(stub *tp.ToxicStub, in engine.Inlet, now time.Time) engine.Step {
	return p.StepRelay(stub, in, now, p.holdChunk)
}

// holdChunk holds c until so long after it was read. Its timestamp moves along, so
// that latencies add up.
func (p *latencyPipe) holdChunk(c *stream.StreamChunk) {
	p.Sending = c
	d := p.latency.drawAt(p.Offset, p.chance)
	if d <= 0 {
		return
	}
	c.Timestamp = c.Timestamp.Add(d)
	p.NotBefore = c.Timestamp
	p.ReportStruck(p.Offset, "delayed by %v", d.Round(time.Microsecond))
}

// DelaysOn implements [delaying].
func (l latency) DelaysOn(f *engine.Flow) func(offset int64) time.Duration {
	chance := l.offsetChance(f.Link)
	return func(offset int64) time.Duration {
		d := l.drawAt(offset, chance)
		if d > 0 {
			f.ReportStruck(offset, "delayed by %v", d.Round(time.Microsecond))
		}
		return d
	}
}
