package toxics

import (
	"fmt"
	"time"

	"github.com/Shopify/toxiproxy/v2/stream"
	tp "github.com/Shopify/toxiproxy/v2/toxics"

	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/toxics/engine"
	"github.com/sockharness/harness/toxics/hook"
	"github.com/sockharness/harness/toxics/spec"
)

func limitDataEntry() entry {
	return entry{
		Kind: spec.Kind{
			Name:        "limit_data",
			Summary:     "closes the connection after a number of bytes",
			Description: "Forwards bytes bytes of this direction, then closes both sides of the connection cleanly.",
			Attributes: []spec.Attribute{
				{Name: "bytes", Kind: spec.Bytes, Default: int64(0), Unit: "bytes", Min: -spec.MaxSize, Max: spec.MaxSize, Summary: "number of bytes to forward; below 0 counts as 0"},
			},
			Directions: spec.BothDirections(),
		},
		build: func(s spec.Settings, t *Toxic) error {
			t.useBehavior(limitData{s.Int("bytes")})
			return nil
		},
	}
}

// A limitData is Toxiproxy's limit_data: it closes the connection once so many bytes have
// passed. A limit of 0 waits for the first of them.
type limitData struct{ bytes int64 }

// A limitState counts on while the limit is edited.
type limitState struct{ passed int64 }

func (l limitData) StartOn(f *engine.Flow) tp.Toxic {
	s, ok := f.State.(*limitState)
	if !ok {
		s = new(limitState)
		f.State = s
	}
	return &limitDataPipe{Flow: f, limitState: s, limit: max(l.bytes, 0)}
}

// CanStep implements [hook.Steppable].
func (l limitData) CanStep() bool { return true }

type limitDataPipe struct {
	*engine.Flow
	*limitState
	limit   int64
	reached bool
}

func (p *limitDataPipe) Pipe(stub *tp.ToxicStub) {
	for p.SendPending(stub) {
		if p.reached {
			p.closeStream(stub)
			return
		}
		switch c, what := p.TakeChunk(stub); what {
		case engine.Stopped:
			return
		case engine.GotEOF:
			stub.Close()
			return
		default:
			p.cutAtLimit(c)
		}
	}
}

// Step moves on as far as one chunk that leaves.
func (p *limitDataPipe) Step(stub *tp.ToxicStub, in engine.Inlet, now time.Time) engine.Step {
	for {
		if m, done := p.StepPending(now); done {
			return m
		}
		if p.reached {
			p.closeStream(stub)
			return engine.Step{Ended: true}
		}
		switch c, what := p.StepTake(in); what {
		case engine.Stopped:
			return engine.Step{}
		case engine.GotEOF:
			stub.Close()
			return engine.Step{Ended: true}
		default:
			p.cutAtLimit(c)
		}
	}
}

// cutAtLimit sends on what there is room for below the limit. What is beyond is lost.
func (p *limitDataPipe) cutAtLimit(c *stream.StreamChunk) {
	left := max(p.limit-p.passed, 0)
	if int64(len(c.Data)) >= left {
		p.reached = true
		p.ReportStruck(p.Offset+left, "closed after %s", plural.Count(p.limit, "byte"))
		c = &stream.StreamChunk{Data: c.Data[:left:left], Timestamp: c.Timestamp}
	}
	if p.passed += int64(len(c.Data)); len(c.Data) > 0 {
		p.Sending = c
	}
}

func (p *limitDataPipe) closeStream(stub *tp.ToxicStub) {
	p.EndStream(stub, hook.CloseBoth, fmt.Sprintf("closed after %s", plural.Count(p.limit, "byte")))
}
