package toxics

import (
	"time"

	"github.com/Shopify/toxiproxy/v2/stream"
	tp "github.com/Shopify/toxiproxy/v2/toxics"

	"github.com/sockharness/harness/toxics/hook"
)

// latencyKind is Toxiproxy's latency with chance from the run's seed, and with
// other distributions of the jitter.
func latencyKind() Kind {
	return Kind{
		Name:    "latency",
		Summary: "delays all data, with a random jitter",
		Description: "Forwards each chunk latency milliseconds, plus or minus a random jitter, after it was read. " +
			"The order is kept. Several latency toxics add up. The end of the stream has no delay of its own. The jitter comes from the run's seed. " +
			"Its distribution is uniform: whole milliseconds from latency-jitter up to, not including, latency+jitter; " +
			"normal: latency + jitter·N(0,1); pareto: latency + jitter·(X-1.5)/0.866, where X is Pareto's with shape 3 and least value 1, " +
			"so that most delays are a little below latency and few are far above it. In the last two the mean is latency and the standard deviation is jitter. " +
			"A delay below 0 is 0.",
		Attributes: []Attribute{
			millisAttribute("latency", 0, "how long each chunk is delayed; below 0 counts as 0"),
			millisAttribute("jitter", 0, "variation of the delay, see distribution; below 0 counts as 0"),
			{Name: "distribution", Kind: Word, Default: uniform, Choices: []string{uniform, normal, pareto}, Extension: true,
				Summary: "distribution of the jitter: uniform, normal or pareto"},
		},
		Directions: bothDirections(),
		build: func(s settings, t *Toxic) error {
			t.useBehavior(latency{s.intOf("latency"), s.intOf("jitter"), s.wordOf("distribution")})
			t.BufferSize = new(tp.LatencyToxic).GetBufferSize()
			return nil
		},
	}
}

// A latency delays each chunk.
type latency struct {
	latency, jitter int64 // ms
	distribution    string
}

func (l latency) startOn(f *flow) tp.Toxic {
	return &latencyPipe{flow: f, latency: l, chance: l.offsetChance(f.w)}
}

// offsetChance returns what the jitter is drawn from; nil without one, since a
// generator takes memory.
func (l latency) offsetChance(w hook.Link) *offsetChance {
	if l.jitter <= 0 {
		return nil
	}
	return newOffsetChance(w.Rand())
}

// drawAt draws the delay of what begins at the offset.
func (l latency) drawAt(offset int64, chance *offsetChance) time.Duration {
	if chance == nil {
		return l.drawDelay(nil)
	}
	return l.drawDelay(chance.at(offset))
}

type latencyPipe struct {
	*flow
	latency latency
	chance  *offsetChance // nil: there is nothing to draw
}

func (p *latencyPipe) Pipe(stub *tp.ToxicStub) { p.relayChunks(stub, p.holdChunk) }

// holdChunk holds c until so long after it was read. Its timestamp moves along, so
// that latencies add up.
func (p *latencyPipe) holdChunk(c *stream.StreamChunk) {
	p.sending = c
	d := p.latency.drawAt(p.offset, p.chance)
	if d <= 0 {
		return
	}
	c.Timestamp = c.Timestamp.Add(d)
	p.notBefore = c.Timestamp
	p.reportStruck(p.offset, "delayed by %v", d.Round(time.Microsecond))
}

// Delays implements [hook.Delayer]: nil unless t is a latency.
func (t *attachable) Delays(w hook.Link) func(offset int64) time.Duration {
	l, ok := t.behavior.(latency)
	if !ok {
		return nil
	}
	f := &flow{w: t.seededWire(w)}
	chance := l.offsetChance(f.w)
	return func(offset int64) time.Duration {
		d := l.drawAt(offset, chance)
		if d > 0 {
			f.reportStruck(offset, "delayed by %v", d.Round(time.Microsecond))
		}
		return d
	}
}
