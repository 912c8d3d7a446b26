package toxics

import (
	"math/rand/v2"
	"time"

	"github.com/Shopify/toxiproxy/v2/stream"
	tp "github.com/Shopify/toxiproxy/v2/toxics"
)

// lossKind has the name and the first two attributes of the toxic that Toxiproxy
// got after 2.12 (pull request 739). That one drops bytes out of the middle of
// the stream, which no lost packet does.
func lossKind() Kind {
	return Kind{
		Name:    "packet_loss",
		Summary: "stalls the stream as lost packets do",
		Page: "TCP sends a lost segment again, and holds back what came behind it: the reader sees a pause, never a gap. Each segment of segment_size bytes " +
			"is lost with probability loss_rate (plus correlation when the one before it was lost, which makes bursts), and so is each retransmission: " +
			"the stream pauses for rto milliseconds, doubled each time up to 120 s (RFC 6298, 5.5; Linux' TCP_RTO_MAX). What is lost 15 times over " +
			"is never sent again (Linux' tcp_retries2), and the stream stalls for good. Which segments are lost comes from the run's seed.",
		Attributes: []Attribute{
			{Name: "loss_rate", Kind: Share, Default: 0.1, Max: 1, Summary: "probability that a segment is lost, 0 to 1"},
			{Name: "correlation", Kind: Share, Default: 0.0, Max: 1, Summary: "added to it when the segment before was lost, 0 to 1"},
			{Name: "rto", Kind: Duration, Default: int64(200), Unit: "ms", Min: 1, Max: int64(mostRTO / time.Millisecond), Summary: "pause until the first retransmission"},
			{Name: "segment_size", Kind: Bytes, Default: int64(1460), Unit: "bytes", Min: 1, Max: 1 << 30, Summary: "size of a segment"},
		},
		Directions: bothDirections(),
		build: func(s settings, t *Toxic) error {
			t.run(loss{rate: s.share("loss_rate"), correlation: s.share("correlation"), rto: s.duration("rto"), segment: s.int("segment_size")})
			return nil
		},
	}
}

const (
	mostRTO         = 120 * time.Second
	retransmissions = 15
)

// A loss pauses the stream before each segment that is lost.
type loss struct {
	rate, correlation float64
	rto               time.Duration
	segment           int64
}

func (l loss) start(f *flow) tp.Toxic {
	return &lossPipe{flow: f, loss: l, chance: f.w.Rand(), drawn: f.offset}
}

type lossPipe struct {
	*flow
	loss
	chance *rand.Rand
	drawn  int64         // stream offset up to which the lot of every segment is known
	pause  time.Duration // before the segment that ends there; 0: it was not lost, or it has been waited for
	before bool          // the last segment was lost
	dead   bool          // the segment that ends there is never sent again
}

func (p *lossPipe) Pipe(stub *tp.ToxicStub) {
	for p.send(stub) {
		if p.dead {
			p.stay(stub)
			return
		}
		switch c, what := p.take(stub); what {
		case stopped:
			return
		case eof:
			stub.Close()
			return
		default:
			p.lose(c)
		}
	}
}

// lose sends on what of c comes before the next segment that is lost, or that
// segment after its pause.
func (p *lossPipe) lose(c *stream.StreamChunk) {
	p.out = c
	n := 0
	if p.pause > 0 {
		p.due, p.pause = time.Now().Add(p.pause), 0
		n = int(p.drawn - p.offset)
	}
	for ; n < len(c.Data); n = int(p.drawn - p.offset) {
		size := min(p.segment, int64(len(c.Data)-n))
		p.drawn = p.offset + int64(n) + size
		if !p.draw(p.offset + int64(n)) {
			continue
		}
		switch {
		case p.dead && n == 0:
			p.out, p.kept = nil, c
		case p.dead:
			p.out, p.kept = split(c, n)
		case n == 0:
			p.out, p.held = nil, c
		default:
			p.out, p.held = split(c, n)
		}
		return
	}
}

// draw reports whether the segment at offset is lost, and says for how long.
func (p *lossPipe) draw(offset int64) bool {
	rate := p.rate
	if p.before {
		rate += p.correlation
	}
	p.before = p.chance.Float64() < rate
	if !p.before {
		return false
	}
	times := 1
	for rto := p.rto; ; rto = min(2*rto, mostRTO) {
		p.pause += rto
		if p.chance.Float64() >= p.rate+p.correlation {
			break
		}
		if times++; times > retransmissions {
			p.dead = true
			break
		}
	}
	p.strike(offset, "segment lost %d times, the stream pauses for %v", times, p.pause)
	return true
}

// stay waits until the toxic is taken away or the connection ends.
func (p *lossPipe) stay(stub *tp.ToxicStub) {
	select {
	case <-stub.Interrupt:
	case <-p.w.Context().Done():
		stub.Close()
	}
}
