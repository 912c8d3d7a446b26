package toxics

import (
	"time"

	"github.com/Shopify/toxiproxy/v2/stream"
	tp "github.com/Shopify/toxiproxy/v2/toxics"

	"github.com/sockharness/harness/harness/wire"
)

// limitTimeKind is what limit_data is, in time.
func limitTimeKind() Kind {
	return Kind{
		Name:    "limit_time",
		Summary: "closes the connection after a time, while data flows",
		Page: "Passes everything for time milliseconds, counted from the opening of the connection, from when the toxic was added to it, or from its trigger; " +
			"then ends both sides, by FIN or by a reset, whether or not data flows and the destination reads. (timeout, which Toxiproxy has, drops all data, and " +
			"counts from the last that came.) An update of the toxic does not start the clock again.",
		Attributes: []Attribute{
			{Name: "time", Kind: Duration, Default: int64(0), Unit: "ms", Max: maxMilliseconds, Summary: "how long data flows"},
			{Name: "ending", Kind: Word, Default: "fin", Choices: []string{"fin", "reset"}, Summary: "how both sides end: fin or reset"},
		},
		Directions: bothDirections(),
		build: func(s settings, t *Toxic) error {
			how := wire.Shut
			if s.word("ending") == "reset" {
				how = wire.Reset
			}
			t.run(limitTime{s.duration("time"), how})
			return nil
		},
	}
}

type limitTime struct {
	time time.Duration
	how  wire.End
}

// A clock says when the time of a link began.
type clock struct{ start time.Time }

func (l limitTime) start(f *flow) tp.Toxic {
	c, ok := f.state.(*clock)
	if !ok {
		c = &clock{time.Now()}
		f.state = c
	}
	return &limitTimePipe{flow: f, limitTime: l, until: c.start.Add(l.time)}
}

type limitTimePipe struct {
	*flow
	limitTime
	until time.Time
}

func (p *limitTimePipe) Pipe(stub *tp.ToxicStub) {
	expired, stop := expiry(p.until)
	defer stop()
	for !stub.Closed() {
		if p.out == nil {
			p.out, p.held = p.held, nil
		}
		if p.out == nil && p.ended {
			stub.Close()
			return
		}
		if !p.step(stub, expired) {
			return
		}
	}
}

// step moves one chunk by one place; false when Pipe has to return.
func (p *limitTimePipe) step(stub *tp.ToxicStub, expired <-chan time.Time) bool {
	input, output, size := stub.Input, chan<- *stream.StreamChunk(nil), int64(0)
	if p.out != nil {
		input, output, size = nil, stub.Output, int64(len(p.out.Data))
	}
	select {
	case <-expired:
		p.out = nil
		p.end(stub, p.how, "both sides ended after "+p.time.String())
		return false
	case <-stub.Interrupt:
		return false
	case <-p.w.Context().Done():
		stub.Close()
		return false
	case c := <-input:
		p.ended = c == nil
		p.out = c
	case output <- p.out:
		p.offset += size
		p.out = nil
	}
	return true
}
