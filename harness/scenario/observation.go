package scenario

import (
	"time"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/peer"
)

// An Observation is all that is known after a variant was played.
type Observation struct {
	Case        Case
	Played      *dialogue.Played // by the client dialogue, if there is one
	Spins       bool             // the server was burning a processor at the end, while nothing moved
	Stuck       string           // how the server is proven to wait for ever; empty: it is not
	Client      *Run             // of the client process, if there is one
	Crash       *peer.Exit       // of the server process, when it has died by itself
	Fresh       error            // of a fresh conversation with the server afterwards; nil: it works
	ActError    error            // of the variant's Act
	Connections int              // accepted by the proxy
	Events      []event.Event
	Elapsed     time.Duration
}

// A Run is one run of a client process.
type Run struct {
	Exit    peer.Exit
	HungUp  bool   // it had not exited when its time was over, and was killed
	Spins   bool   // it was burning a processor then, while nothing moved
	Stuck   string // how it is proven to wait for ever; empty: it is not
	Stdout  []byte
	Stderr  []byte
	Elapsed time.Duration
}

// Ending returns how the given side ended the first connection towards the
// proxy: eof after its FIN, reset after its RST, open when it did neither.
func (o Observation) Ending(side event.Side) event.Ending {
	for _, e := range o.Events {
		if e.Side != side || e.Conn > 1 {
			continue
		}
		switch e.Kind {
		case event.FIN:
			return event.EOF
		case event.RST:
			return event.Reset
		}
	}
	return event.Open
}

// Struck returns the events of faults that took effect.
func (o Observation) Struck() []event.Event {
	var out []event.Event
	for _, e := range o.Events {
		if e.Kind == event.Struck {
			out = append(out, e)
		}
	}
	return out
}

// Carried returns how many bytes the first connection carried in direction d.
func (o Observation) Carried(d event.Direction) int64 {
	var n int64
	for _, e := range o.Events {
		if e.Kind == event.Bytes && e.Direction == d && e.Conn <= 1 {
			n = max(n, e.Offset+e.Bytes)
		}
	}
	return n
}
