package scenario

import (
	"context"
	"errors"
	"time"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/toxics"
)

// An Observation is all that is known after a variant was played.
type Observation struct {
	Case         Case
	Faults       []toxics.Spec
	Gate         Gate
	NoEnd        bool
	Acted        bool             // the variant has an act instead of a conversation
	Played       *dialogue.Played // by the client dialogue, if there is one
	Spins        bool             // the server was burning a processor at the end, while nothing moved
	Stuck        string           // how the server is proven to wait for ever; empty: it is not
	Client       *Run             // of the client process, if there is one
	Crash        *peer.Exit       // of the server process, when it has died by itself
	Lost         string           // which process of the server's, beside that, has; empty: none
	Fresh        error            // of a fresh conversation with the server afterwards; nil: it works
	Others       error            // of another client's conversation while the fault was in place; nil: it worked
	Repeats      *Repeats         // at the end of a scenario only
	ActError     error            // of the variant's Act
	ServerStderr []byte           // the end of what the server wrote there so far
	Connections  int              // accepted by the proxy
	Starved      time.Duration    // for which a peer, or the harness, was ready and got no processor
	Events       []event.Event
	Elapsed      time.Duration
}

// Died reports whether a process of the server's has ended that should not have.
func (o Observation) Died() bool { return o.Crash != nil || o.Lost != "" }

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

// First returns which side ended the first connection first, and how; nil where
// nobody did.
func (o Observation) First() *event.Event {
	for _, e := range o.Events {
		if e.First && e.Conn <= 1 {
			return &e
		}
	}
	return nil
}

// Hung reports whether a peer had not done its part when it was given up.
func (o Observation) Hung() bool {
	if o.Client != nil {
		return o.Client.HungUp
	}
	return o.Played != nil && o.Played.Ending == event.Timeout || errors.Is(o.ActError, context.DeadlineExceeded)
}

// ErrSpins is for an act that finds a peer which keeps a processor busy while nothing
// moves.
var ErrSpins = errors.New("spins")

// Spun reports whether a peer was burning a processor.
func (o Observation) Spun() bool {
	return o.Spins || o.Client != nil && o.Client.Spins || errors.Is(o.ActError, ErrSpins)
}

// Timed reports whether it was given up for time alone: nothing proves that it
// would never have come to an end.
func (o Observation) Timed() bool {
	if o.Client != nil {
		return o.Client.HungUp && !o.Client.Spins && o.Client.Stuck == ""
	}
	return o.Hung() && !o.Spins && o.Stuck == ""
}
