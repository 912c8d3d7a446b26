package toxics

import (
	"time"

	"github.com/Shopify/toxiproxy/v2/stream"
	tp "github.com/Shopify/toxiproxy/v2/toxics"

	"github.com/sockharness/harness/toxics/engine"
	"github.com/sockharness/harness/toxics/hook"
	"github.com/sockharness/harness/toxics/spec"
)

// limitTimeEntry is what limit_data is, in time.
func limitTimeEntry() entry {
	return entry{
		Kind: spec.Kind{
			Name:    "limit_time",
			Summary: "closes the connection after a time, while data flows",
			Description: "Forwards all data for time milliseconds, counted from the opening of the connection, from when the toxic was added, or from its trigger; " +
				"then ends both sides with FIN or a reset, even if data flows or the destination does not read. (Toxiproxy's timeout drops all data and " +
				"counts from the last data.) An update of the toxic does not restart the time.",
			Attributes: []spec.Attribute{
				{Name: "time", Kind: spec.Duration, Default: int64(0), Unit: "ms", Max: spec.MaxMilliseconds, Summary: "time until the connection is closed"},
				{Name: "ending", Kind: spec.Word, Default: "fin", Choices: []string{"fin", "reset"}, Summary: "how both sides end: fin or reset"},
			},
			Directions: spec.BothDirections(),
		},
		build: func(s spec.Settings, t *Toxic) error {
			how := hook.CloseBoth
			if s.Word("ending") == "reset" {
				how = hook.Reset
			}
			t.useBehavior(limitTime{s.Duration("time"), how})
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

func (l limitTime) StartOn(f *engine.Flow) tp.Toxic {
	c, ok := f.State.(*clock)
	if !ok {
		c = &clock{time.Now()}
		f.State = c
	}
	return &limitTimePipe{Flow: f, limitTime: l, until: c.start.Add(l.time)}
}

type limitTimePipe struct {
	*engine.Flow
	limitTime
	until time.Time
}

func (p *limitTimePipe) Pipe(stub *tp.ToxicStub) {
	if !stub.Closed() && !time.Now().Before(p.until) { // before the byte behind a trigger
		p.endNow(stub)
		return
	}
	expired, stop := p.DeadlineTimer(p.until)
	defer stop()
	for !stub.Closed() {
		if p.Sending == nil {
			p.Sending, p.PushedBack = p.PushedBack, nil
		}
		if p.Sending == nil && p.Ended {
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
	if p.Sending != nil {
		input, output, size = nil, stub.Output, int64(len(p.Sending.Data))
	}
	select {
	case <-expired:
		p.endNow(stub)
		return false
	case <-stub.Interrupt:
		return false
	case <-p.Link.Context().Done():
		stub.Close()
		return false
	case c := <-input:
		p.Ended = c == nil
		p.Sending = c
	case output <- p.Sending:
		p.Offset += size
		p.Sending = nil
	}
	return true
}

// endNow drops what was not sent on, and ends the stream.
func (p *limitTimePipe) endNow(stub *tp.ToxicStub) {
	p.Sending = nil
	p.EndStream(stub, p.how, "both sides ended after "+p.time.String())
}
