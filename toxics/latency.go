package toxics

import (
	"math/rand/v2"
	"time"

	"github.com/Shopify/toxiproxy/v2/stream"
	tp "github.com/Shopify/toxiproxy/v2/toxics"
)

// A latency is Toxiproxy's latency with chance from the run's seed.
type latency struct{ latency, jitter int64 } // ms

func (l latency) start(f *flow) tp.Toxic {
	return &latencyPipe{flow: f, latency: l, chance: f.w.Rand()}
}

type latencyPipe struct {
	*flow
	latency
	chance *rand.Rand
}

func (p *latencyPipe) Pipe(stub *tp.ToxicStub) { p.relay(stub, p.delay) }

// delay holds c until so long after it was read. Its timestamp moves along, so
// that latencies add up.
func (p *latencyPipe) delay(c *stream.StreamChunk) {
	p.out = c
	ms := p.latency.latency
	if p.jitter > 0 {
		ms += p.chance.Int64N(p.jitter*2) - p.jitter
	}
	if ms <= 0 {
		return
	}
	d := time.Duration(ms) * time.Millisecond
	c.Timestamp = c.Timestamp.Add(d)
	p.due = c.Timestamp
	p.strike(p.offset, "delayed by %v", d)
}
