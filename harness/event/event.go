// Package event holds the facts of a run: what happened on which connection,
// in which direction, at which byte. Everything that the harness reports is
// folded from events; nothing here acts.
//
//	log := event.NewLog(0)
//	px, err := proxy.New(proxy.Config{Events: log.AddEvent})
//	e, err := log.WaitEvent(ctx, func(e event.Event) bool { return e.Kind == event.Struck })
package event

import (
	"fmt"
	"time"
)

// A Kind says what happened.
type Kind string

// ByScenario is the Toxic of a Struck event that a scenario's own code has caused.
const ByScenario = "scenario"

// The kinds of event. "First" on FIN, RST: see [Event.First].
const (
	Accept       Kind = "accept"        // the proxy accepted a client connection
	Dial         Kind = "dial"          // the proxy connected to the upstream
	Refuse       Kind = "refuse"        // the proxy turned a client away, or began to refuse connects
	Bytes        Kind = "bytes"         // Event.Bytes bytes were forwarded, from Event.Offset on
	FIN          Kind = "fin"           // Event.Side ended its stream in order
	RST          Kind = "rst"           // Event.Side reset the connection
	Struck       Kind = "struck"        // a fault took effect (Event.Toxic, Event.Offset)
	BoundaryRead Kind = "deliver"       // a segment boundary at Event.Offset: verified as read by the receiver, or not (Event.Detail)
	Panic        Kind = "panic"         // a toxic panicked; its connection was ended
	CannotStrike Kind = "cannot-strike" // a toxic cannot do here what it is for (Event.Detail says why); the stream passes
	Leaked       Kind = "abandon"       // a toxic did not return when its connection ended, and was left behind
	Close        Kind = "close"         // the proxied connection is over, both sides

	DialFailed Kind = "dial-failed" // the proxy could not connect to the upstream (Event.Ending, Errno, Detail)
	Act        Kind = "act"         // a request acts on one connection, which comes next (Event.Detail: how, and why)
	ModeSet    Kind = "mode"        // the port does something else with new connections (Event.Detail: accept, refuse or blackhole)

	OutageSet Kind = "outage" // the whole proxy is disturbed, or healed (Event.Detail)

	PastProxy Kind = "past-proxy" // clients of the proxy are connected to its upstream without it (Event.Detail)

	PortUnreachable Kind = "bounce" // a datagram was answered by ICMP: nobody listens at Event.Side (Event.Detail)
	Lost            Kind = "lost"   // a datagram was given up, by no fault's doing (Event.Detail)
	Expire          Kind = "expire" // an association was idle for too long, or made way for another (Event.Detail)

	// Changes of a daemon's proxies. Event.Detail says what is there now.
	ProxyAdded    Kind = "proxy-added"
	ProxyUpdated  Kind = "proxy-updated" // listens, leads or behaves otherwise
	ProxyEnabled  Kind = "proxy-enabled"
	ProxyDisabled Kind = "proxy-disabled"
	ProxyRemoved  Kind = "proxy-removed"
	ToxicAdded    Kind = "toxic-added"
	ToxicUpdated  Kind = "toxic-updated"
	ToxicRemoved  Kind = "toxic-removed"
)

// A Side is one of the parties of a proxied connection.
type Side string

// The sides.
const (
	Client Side = "client"
	Server Side = "server"
	Proxy  Side = "proxy"
)

// A Direction is one of the two links of a proxied connection, in Toxiproxy's
// words: upstream flows from the client to the server.
type Direction uint8

// The directions.
const (
	Upstream Direction = iota
	Downstream
)

// String returns "upstream" or "downstream".
func (d Direction) String() string {
	if d == Downstream {
		return "downstream"
	}
	return "upstream"
}

// Opposite returns the other direction.
func (d Direction) Opposite() Direction { return 1 - d }

// Source returns the side whose bytes flow in direction d.
func (d Direction) Source() Side {
	if d == Downstream {
		return Server
	}
	return Client
}

// Destination returns the side that receives what flows in direction d.
func (d Direction) Destination() Side { return d.Opposite().Source() }

// MarshalText implements [encoding.TextMarshaler].
func (d Direction) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (d *Direction) UnmarshalText(text []byte) error {
	parsed, err := ParseDirection(string(text))
	if err == nil {
		*d = parsed
	}
	return err
}

// ParseDirection reads "upstream" or "downstream".
func ParseDirection(s string) (Direction, error) {
	switch s {
	case "upstream":
		return Upstream, nil
	case "downstream":
		return Downstream, nil
	}
	return Upstream, fmt.Errorf("direction %q: want upstream or downstream", s)
}

// An Event is one fact. Fields that do not apply to the kind are zero.
type Event struct {
	ID        uint64        // number in its daemon's history, from 1; 0 in a log
	At        time.Duration // since the start of the log or daemon, by the monotonic clock
	Time      time.Time     // by the wall clock; zero in a log
	Kind      Kind          // what happened
	Proxy     string        // name of the proxy
	Conn      uint64        // number of the connection, from 1: on its proxy, in a daemon on all of them
	Direction Direction     // of those for which Kind.HasDirection is true
	Side      Side          // who did it
	First     bool          // of FIN and RST: the first ending on this connection
	Offset    int64         // stream offset in Direction
	Bytes     int64         // how many, of Bytes
	Toxic     string        // name of the toxic, of Struck and Panic; or ByScenario
	Ending    Ending        // of DialFailed: Refused, Unreachable, Timeout, Reset or "" for another reason
	Errno     string        // of DialFailed: the system's name for it, such as ECONNREFUSED; "" unless the system said no
	Detail    string        // for people; also addresses of Accept and Dial
}

// HasDirection reports whether events of the kind are about one direction.
func (k Kind) HasDirection() bool {
	switch k {
	case Bytes, FIN, RST, Struck, BoundaryRead, Panic, CannotStrike, Leaked, PortUnreachable, Lost, ToxicAdded, ToxicUpdated, ToxicRemoved:
		return true
	}
	return false
}

// HasOffset reports whether events of the kind are about a place in a stream.
func (k Kind) HasOffset() bool {
	switch k {
	case Bytes, FIN, RST, Struck, BoundaryRead, Panic, CannotStrike:
		return true
	}
	return false
}
