package toxics

import (
	"time"

	"github.com/Shopify/toxiproxy/v2/stream"
	tp "github.com/Shopify/toxiproxy/v2/toxics"

	"github.com/sockharness/harness/toxics/hook"
)

// limitTimeKind is what limit_data is, in time.
func limitTimeKind() Kind {
	return Kind{
		Name:    "limit_time",
		Summary: "closes the connection after a time, while data flows",
		Description: "Forwards all data for time milliseconds, counted from the opening of the connection, from when the toxic was added, or from its trigger; " +
			"then ends both sides with FIN or a reset, even if data flows or the destination does not read. (Toxiproxy's timeout drops all data and " +
			"counts from the last data.) An update of the toxic does not restart the time.",
		Attributes: []Attribute{
			{Name: "time", Kind: Duration, Default: int64(0), Unit: "ms", Max: maxMilliseconds, Summary: "time until the connection is closed"},
			{Name: "ending", Kind: Word, Default: "fin", Choices: []string{"fin", "reset"}, Summary: "how both sides end: fin or reset"},
		},
		Directions: bothDirections(),
		build: func(s settings, t *Toxic) error {
			how := hook.CloseBoth
			if s.wordOf("ending") == "reset" {
				how = hook.Reset
			}
			t.useBehavior(limitTime{s.durationOf("time"), how})
			return nil
		},
	}
}

type limitTime struct {
	time time.Duration
	how  hook.EndMode
}

// A clock says when the time of a link began.
type clock struct{ start time.Time }

func (l limitTime) startOn(f *flow) tp.Toxic {
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
	if !stub.Closed() && !time.Now().Before(p.until) { // before the byte behind a trigger
		p.endNow(stub)
		return
	}
	expired, stop := p.deadlineTimer(p.until)
	defer stop()
	for !stub.Closed() {
		if p.sending == nil {
			p.sending, p.pushedBack = p.pushedBack, nil
		}
		if p.sending == nil && p.ended {
			stub.Close()
			return
		}
		if !p.stepChunk(stub, expired) {
			return
		}
	}
}

// stepChunk moves one chunk by one place; false when Pipe has to return.
func (p *limitTimePipe) stepChunk(stub *tp.ToxicStub, expired <-chan struct{}) bool {
	input, output, size := stub.Input, chan<- *stream.StreamChunk(nil), int64(0)
	if p.sending != nil {
		input, output, size = nil, stub.Output, int64(len(p.sending.Data))
	}
	select {
	case <-expired:
		p.endNow(stub)
		return false
	case <-stub.Interrupt:
		return false
	case <-p.w.Context().Done():
		stub.Close()
		return false
	case c := <-input:
		p.ended = c == nil
		p.sending = c
	case output <- p.sending:
		p.offset += size
		p.sending = nil
	}
	return true
}

// endNow drops what was not sent on, and ends the stream.
func (p *limitTimePipe) endNow(stub *tp.ToxicStub) {
	p.sending = nil
	p.endStream(stub, p.how, "both sides ended after "+p.time.String())
}
