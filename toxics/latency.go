package toxics

import (
	"math/rand/v2"
	"time"

	"github.com/Shopify/toxiproxy/v2/stream"
	tp "github.com/Shopify/toxiproxy/v2/toxics"

	"github.com/sockharness/harness/harness/wire"
)

// latencyKind is Toxiproxy's latency with chance from the run's seed, and with
// other distributions of the jitter.
func latencyKind() Kind {
	return Kind{
		Name:    "latency",
		Summary: "delays everything by a time, give or take a jitter",
		Page: "Holds each chunk until latency milliseconds, give or take a random jitter, after it was read. " +
			"Order is kept, latencies in a row add up, the end of the stream is not delayed by itself. The jitter comes from the run's seed. " +
			"Its distribution is uniform: whole milliseconds from latency-jitter up to, not including, latency+jitter; " +
			"normal: latency + jitter·N(0,1); pareto: latency + jitter·(X-1.5)/0.866, where X is Pareto's with shape 3 and least value 1, " +
			"so that most delays are a little below latency, few far above it. In the last two the mean is latency and the standard deviation jitter. " +
			"A delay below 0 is 0.",
		Attributes: []Attribute{
			milliseconds("latency", 0, "how long each chunk is delayed; below 0 counts as 0"),
			milliseconds("jitter", 0, "how much the delay varies, see distribution; below 0 counts as 0"),
			{Name: "distribution", Kind: Word, Default: uniform, Choices: []string{uniform, normal, pareto}, Added: true,
				Summary: "of the jitter: uniform, normal or pareto"},
		},
		Directions: bothDirections(),
		build: func(s settings, t *Toxic) error {
			t.run(latency{s.int("latency"), s.int("jitter"), s.word("distribution")})
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

func (l latency) start(f *flow) tp.Toxic {
	return &latencyPipe{flow: f, latency: l, chance: f.w.Rand()}
}

type latencyPipe struct {
	*flow
	latency latency
	chance  *rand.Rand
}

func (p *latencyPipe) Pipe(stub *tp.ToxicStub) { p.relay(stub, p.hold) }

// hold holds c until so long after it was read. Its timestamp moves along, so
// that latencies add up.
func (p *latencyPipe) hold(c *stream.StreamChunk) {
	p.out = c
	d := p.latency.delay(p.chance)
	if d <= 0 {
		return
	}
	c.Timestamp = c.Timestamp.Add(d)
	p.due = c.Timestamp
	p.strike(p.offset, "delayed by %v", d.Round(time.Microsecond))
}

// Delays implements [wire.Delayer]: nil unless t is a latency.
func (t *fault) Delays(w wire.Wire) func(offset int64) time.Duration {
	l, ok := t.starter.(latency)
	if !ok {
		return nil
	}
	f := &flow{w: t.over(w)}
	var chance *rand.Rand // a generator takes memory, and nobody asks it without a jitter
	if l.jitter > 0 {
		chance = f.w.Rand()
	}
	return func(offset int64) time.Duration {
		d := l.delay(chance)
		if d > 0 {
			f.strike(offset, "delayed by %v", d.Round(time.Microsecond))
		}
		return d
	}
}
