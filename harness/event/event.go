// Package event holds the facts of a run: what happened on which connection,
// in which direction, at which byte. Everything that the harness reports is
// folded from events; nothing here acts.
package event

import (
	"fmt"
	"time"
)

// A Kind says what happened.
type Kind string

// The kinds of event. "First" on FIN, RST: see [Event.First].
const (
	Accept  Kind = "accept"  // the proxy accepted a client connection
	Dial    Kind = "dial"    // the proxy connected to the upstream, or failed to (Event.Detail)
	Refuse  Kind = "refuse"  // the proxy turned a client away, or began to refuse connects
	Bytes   Kind = "bytes"   // Event.Bytes bytes were forwarded, from Event.Offset on
	FIN     Kind = "fin"     // Event.Side ended its stream in order
	RST     Kind = "rst"     // Event.Side reset the connection
	Struck  Kind = "struck"  // a fault took effect (Event.Toxic, Event.Offset)
	Deliver Kind = "deliver" // a segment boundary at Event.Offset: verified as read by the receiver, or not (Event.Detail)
	Panic   Kind = "panic"   // a toxic panicked; its connection was ended
	Abandon Kind = "abandon" // a toxic did not return when its connection ended, and was left behind
	Close   Kind = "close"   // the proxied connection is over, both sides

	Bounce Kind = "bounce" // a datagram was answered by ICMP: nobody listens at Event.Side (Event.Detail)
	Lost   Kind = "lost"   // a datagram was given up, by no fault's doing (Event.Detail)
	Expire Kind = "expire" // an association was idle for too long, or made way for another (Event.Detail)
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
	return Upstream, fmt.Errorf("direction %q is neither upstream nor downstream", s)
}

// An Event is one fact. Fields that do not apply to the kind are zero.
type Event struct {
	At        time.Duration // since the start of the log
	Kind      Kind
	Proxy     string    // name of the proxy
	Conn      uint64    // number of the connection on its proxy, from 1
	Direction Direction // of Bytes, Struck, Deliver, FIN and RST
	Side      Side      // who did it
	First     bool      // of FIN and RST: the first ending on this connection
	Offset    int64     // stream offset in Direction
	Bytes     int64     // how many, of Bytes
	Toxic     string    // name of the toxic, of Struck and Panic
	Detail    string    // for people; also addresses of Accept and Dial
}
