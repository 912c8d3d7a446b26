// Package proxy stands between the clients and the server of a conversation: it
// listens for the ones, dials the other for each of them, and links the two
// sockets so that what happens on one side happens on the other, unless a toxic
// has it otherwise.
//
// [Config] is what is asked for; [Proxy] is what runs.
//
// Clients and upstream are on TCP or unix stream sockets, on each of which TLS can
// be terminated or originated; without that it is carried as any other bytes. What
// they have for the ends of a stream:
//
//	           TCP                 unix                                TLS
//	half-close FIN                 FIN, as shutdown(2) has it          close_notify and FIN, or FIN alone
//	reset      RST                 ECONNRESET to a peer of whose       RST of its socket
//	                               bytes some are unread; else both
//	                               directions end: read EOF, write EPIPE
//	refuse     ECONNREFUSED        ECONNREFUSED; the file stays        that of its socket
//	black hole no answer           connect blocks; one that may not    that of its socket
//	                               fails with EAGAIN
//
// Boundaries between segments are verified on TCP, of TLS too, and sent as soon
// as they are taken on unix sockets, see [sock.BindUnix].
package proxy

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/Shopify/toxiproxy/v2/toxics"

	"github.com/sockharness/harness/harness/chance"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/link"
	"github.com/sockharness/harness/harness/wire"
)

// A Mode says what becomes of new connections. Those that are open live on.
type Mode uint8

// The modes.
const (
	Accept    Mode = iota // connect succeeds
	Refuse                // connect fails with ECONNREFUSED; the port stays ours
	BlackHole             // connect gets no answer
)

// String returns the mode's name, such as "black_hole".
func (m Mode) String() string {
	names := [...]string{"accept", "refuse", "black_hole"}
	if int(m) >= len(names) {
		return fmt.Sprintf("mode %d", m)
	}
	return names[m]
}

// A Down says what a client sees when the upstream cannot be dialled.
type Down uint8

// The ways in which an upstream can be down.
const (
	DownClose  Down = iota // connect succeeds, then the stream ends: as in Toxiproxy
	DownReset              // connect succeeds, then the connection is reset
	DownRefuse             // connect is refused while nobody listens upstream; where that cannot be known, DownReset
)

// A Config says what a proxy is to be. It must not be modified after [New].
type Config struct {
	Name     string
	Network  string   // "tcp", which is the default, of addresses that do not name another one
	Listen   string   // "host:port" or "unix:/path", see [sock.ParseAddress]; port 0 picks a free one
	Upstream string   // the same
	Others   []string // upstreams beside that one
	Balance  Balance  // between them
	Mode     Mode

	TLS           TLS
	Authority     *Authority // of generated certificates; nil: one of the proxy's own
	ProxyProtocol bool       // version 2 comes before everything else that the upstream gets; offsets do not count it

	DialTimeout   time.Duration // to connect, and for a handshake of TLS; 0: 10 s
	HalfCloseIdle time.Duration // how long a half-closed connection may be without a byte; 0: 1 min, negative: for ever
	UpstreamDown  Down
	Grace         time.Duration // how long Close waits for what does not end; 0: 5 s

	Seed     chance.Source
	Events   event.Sink // nil: nobody listens
	Toxics   []Toxic
	OnListen wire.Window // of the sockets that clients connect to; TCP only
	OnDial   wire.Window // of the sockets that connect to the upstream; TCP only
	Patience link.Patience

	// Tap returns the recorder of one direction of a connection, or nil. A
	// direction that is recorded is not spliced.
	Tap func(conn uint64, d event.Direction) *link.Tap
}

// A Toxic is a fault that the proxy puts into its connections. The toxic itself
// is shared by all of them and must not be modified once it was handed over: to
// change it, hand over another one under the same name.
type Toxic struct {
	Name       string // unique on its proxy
	Toxic      toxics.Toxic
	BufferSize int // of its input, in chunks; 0: what the toxic says, if it does
	Direction  event.Direction
	Toxicity   float64        // the share of connections that have it, 0 to 1
	Connection uint64         // the only connection that has it; 0: every one
	Through    uint64         // the last connection that has it, where Connection is the first of several
	Chance     *chance.Source // of which connections have it; nil: the proxy's
}

func (c Config) withDefaults() Config {
	if c.Network == "" {
		c.Network = "tcp"
	}
	if c.DialTimeout <= 0 {
		c.DialTimeout = 10 * time.Second
	}
	if c.HalfCloseIdle == 0 {
		c.HalfCloseIdle = time.Minute
	}
	if c.Grace <= 0 {
		c.Grace = 5 * time.Second
	}
	if c.Patience.Toxic == 0 {
		c.Patience.Toxic = c.Grace
	}
	return c
}

// check returns the toxics with their buffer sizes filled in.
func check(list []Toxic) ([]Toxic, error) {
	list = slices.Clone(list)
	seen := map[string]bool{}
	for i := range list {
		t := &list[i]
		switch {
		case t.Name == "":
			return nil, errors.New("toxic without a name")
		case seen[t.Name]:
			return nil, fmt.Errorf("toxic %s: name used twice", t.Name)
		case t.Toxic == nil:
			return nil, fmt.Errorf("toxic %s: nothing to run", t.Name)
		case math.IsNaN(t.Toxicity):
			return nil, fmt.Errorf("toxic %s: toxicity is not a number", t.Name)
		case t.BufferSize < 0:
			return nil, fmt.Errorf("toxic %s: buffer size %d is negative", t.Name, t.BufferSize)
		}
		seen[t.Name] = true
		if b, ok := t.Toxic.(toxics.BufferedToxic); ok && t.BufferSize == 0 {
			t.BufferSize = b.GetBufferSize()
		}
	}
	return list, nil
}
