package toxics

import (
	"time"

	"github.com/Shopify/toxiproxy/v2/stream"
	tp "github.com/Shopify/toxiproxy/v2/toxics"

	"github.com/sockharness/harness/toxics/engine"
	"github.com/sockharness/harness/toxics/spec"
)

// lossEntry has the name and the first two attributes of the toxic that Toxiproxy
// got after 2.12 (pull request 739). That one drops bytes out of the middle of
// the stream, which no lost packet does.
func lossEntry() entry {
	return entry{
		Kind: spec.Kind{
			Name:    "packet_loss",
			Summary: "pauses the stream as lost packets do",
			Description: "TCP sends a lost segment again and keeps back the data after it: the reader sees a pause, never a gap. Each segment of segment_size bytes " +
				"is lost with probability loss_rate (plus correlation if the previous one was lost, which makes bursts), and so is each retransmission: " +
				"the stream pauses for rto milliseconds, doubled each time up to 120 s (RFC 6298, 5.5; Linux' TCP_RTO_MAX). A segment that is lost 15 times " +
				"is not sent again (Linux' tcp_retries2), and the stream stops. The run's seed decides which segments are lost.",
			Attributes: []spec.Attribute{
				{Name: "loss_rate", Kind: spec.Share, Default: 0.1, Max: 1, Summary: "probability that a segment is lost, 0 to 1"},
				{Name: "correlation", Kind: spec.Share, Default: 0.0, Max: 1, Summary: "added to loss_rate if the previous segment was lost, 0 to 1"},
				{Name: "rto", Kind: spec.Duration, Default: int64(200), Unit: "ms", Min: 1, Max: int64(mostRTO / time.Millisecond), Summary: "pause until the first retransmission"},
				{Name: "segment_size", Kind: spec.Bytes, Default: int64(1460), Unit: "bytes", Min: 1, Max: 1 << 30, Summary: "size of a segment"},
			},
			Directions: spec.BothDirections(),
			Intact:     true,
		},
		build: func(s spec.Settings, t *Toxic) error {
			t.useBehavior(loss{rate: s.Share("loss_rate"), correlation: s.Share("correlation"), rto: s.Duration("rto"), segment: s.Int("segment_size")})
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

func (l loss) StartOn(f *engine.Flow) tp.Toxic {
	return &lossPipe{Flow: f, loss: l, chance: engine.NewOffsetSource(f.Link.Rand()), drawn: f.Offset}
}

type lossPipe struct {
	*engine.Flow
	loss
	chance *engine.OffsetSource
	drawn  int64         // stream offset up to which the lot of every segment is known
	pause  time.Duration // before the segment that ends there; 0: it was not lost, or it has been waited for
	before bool          // the last segment was lost
	dead   bool          // the segment that ends there is never sent again
}

func (p *lossPipe) Pipe(stub *tp.ToxicStub) {
	for p.SendPending(stub) {
		if p.dead {
			p.AwaitInterrupt(stub)
			return
		}
		switch c, what := p.TakeChunk(stub); what {
		case engine.Stopped:
			return
		case engine.GotEOF:
			stub.Close()
			return
		default:
			p.dropSegment(c)
		}
	}
}

// dropSegment sends on what of c comes before the next segment that is lost, or that
// segment after its pause.
func (p *lossPipe) dropSegment(c *stream.StreamChunk) {
	p.Sending = c
	n := 0
	if p.pause > 0 {
		p.NotBefore, p.pause = time.Now().Add(p.pause), 0
		n = int(p.drawn - p.Offset)
	}
	for ; n < len(c.Data); n = int(p.drawn - p.Offset) {
		size := min(p.segment, int64(len(c.Data)-n))
		p.drawn = p.Offset + int64(n) + size
		if !p.drawLoss(p.Offset + int64(n)) {
			continue
		}
		switch {
		case p.dead && n == 0:
			p.Sending, p.Retained = nil, c
		case p.dead:
			p.Sending, p.Retained = engine.SplitChunk(c, n)
		case n == 0:
			p.Sending, p.PushedBack = nil, c
		default:
			p.Sending, p.PushedBack = engine.SplitChunk(c, n)
		}
		return
	}
}

// drawLoss reports whether the segment at offset is lost, and says for how long.
func (p *lossPipe) drawLoss(offset int64) bool {
	rate := p.rate
	if p.before {
		rate += p.correlation
	}
	chance := p.chance.At(offset)
	p.before = chance.Float64() < rate
	if !p.before {
		return false
	}
	times := 1
	for rto := p.rto; ; rto = min(2*rto, mostRTO) {
		p.pause += rto
		if chance.Float64() >= p.rate+p.correlation {
			break
		}
		if times++; times > retransmissions {
			p.dead = true
			break
		}
	}
	p.ReportStruck(offset, "segment lost %d times, the stream pauses for %v", times, p.pause)
	return true
}
