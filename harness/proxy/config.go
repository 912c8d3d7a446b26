// Package proxy stands between the clients and the server of a conversation: it
// listens for the ones, dials the other for each of them, and links the two
// sockets so that what happens on one side happens on the other, unless a toxic
// has it otherwise.
//
//	px, err := proxy.New(proxy.Config{Name: "kv", Listen: "127.0.0.1:0", Upstream: "127.0.0.1:7000"})
//	err = px.Start(ctx)
//	defer px.Close()
//	conn, err := net.Dial("tcp", px.Addr().String())
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
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"slices"
	"time"

	"github.com/Shopify/toxiproxy/v2/toxics"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/link"
	"github.com/sockharness/harness/harness/seed"
	"github.com/sockharness/harness/harness/sock"
	"github.com/sockharness/harness/harness/tlsconn"
	"github.com/sockharness/harness/toxics/hook"
)

// A Mode says what becomes of new connections. Those that are open live on.
type Mode uint8

// The modes.
const (
	Accept    Mode = iota // connect succeeds
	Refuse                // connect fails with ECONNREFUSED; the port stays ours
	BlackHole             // connect gets no answer
)

// String returns the mode's name, such as "blackhole".
func (m Mode) String() string {
	names := [...]string{"accept", "refuse", "blackhole"}
	if int(m) >= len(names) {
		return fmt.Sprintf("mode %d", m)
	}
	return names[m]
}

// An UpstreamFailure says what a client sees when the upstream cannot be dialled.
type UpstreamFailure uint8

// The ways in which an upstream can be down.
const (
	FailClose  UpstreamFailure = iota // connect succeeds, then the stream ends: as in Toxiproxy
	FailReset                         // connect succeeds, then the connection is reset
	FailRefuse                        // connect is refused while nobody listens upstream; where that cannot be known, FailReset
)

// A Config says what a proxy is to be. It must not be modified after [New].
type Config struct {
	Name          string   // name of the proxy
	Network       string   // "tcp", which is the default, of addresses that do not name another one
	Listen        string   // "host:port" or "unix:/path", see [sock.ParseAddress]; port 0 picks a free one
	Upstream      string   // the same. A name is looked up by the first connection, again after 10 s, and when its address cannot be dialled
	MoreUpstreams []string // upstreams beside that one
	Balance       Balance  // between them
	Mode          Mode     // what happens to new connections; zero: they are served

	// Listener accepts the clients instead of Listen, nil: Listen does. The proxy
	// closes it. It cannot refuse connects or leave them without an answer, so that
	// other modes than Accept are mistakes. DialContext connects to the upstream, which
	// may be any text then; nil: the proxy does. Connections without CloseWrite, such as
	// those of [net.Pipe], are closed where a direction ends, and by a reset.
	Listener    net.Listener
	DialContext func(ctx context.Context, network, address string) (net.Conn, error) // see Listener

	TLS           tlsconn.Config     // what the proxy does with TLS; zero: it carries the records as they are
	Authority     *tlsconn.Authority // of generated certificates; nil: one of the proxy's own
	ProxyProtocol bool               // version 2 comes before everything else that the upstream gets; offsets do not count it

	DialTimeout   time.Duration   // to connect, and for a handshake of TLS; 0: 10 s
	HalfCloseIdle time.Duration   // how long a half-closed connection may be without a byte; 0: 1 min, negative: forever
	UpstreamDown  UpstreamFailure // what a client gets when the upstream cannot be reached
	Grace         time.Duration   // how long Close waits for what does not end; 0: 5 s
	Drain         time.Duration   // how long Close lets what the kernel already holds arrive; 0: 100 ms, negative: not at all

	Shared *Shared       // what it has in common with others; nil: nothing
	Served uint64        // connections that are counted as served before the first one, for toxics that select by number
	NewID  func() uint64 // number of the next connection in events; nil: 1, 2, 3 and so on

	// Closed gets each connection that is over, just before its [event.Close]. It must
	// not block; nil: nobody asks.
	Closed func(Connection)

	Diag     *sock.Diag        // asks the kernel about sockets, and outlives the proxy; nil: the proxy opens one of its own
	Seed     seed.Source       // source of all that is random
	Events   event.Sink        // nil: nobody listens
	Toxics   []Toxic           // toxics of both directions, in order
	OnListen hook.SocketLimits // of the sockets that clients connect to; TCP only
	OnDial   hook.SocketLimits // of the sockets that connect to the upstream; TCP only
	Patience link.Timeouts     // time limits of the links; zero: the defaults

	// Tap returns the recorder of one direction of a connection, or nil. A
	// direction that is recorded is not spliced.
	Tap func(conn uint64, d event.Direction) *link.Tap

	// Record takes all that passes the sockets of the connections, with times: what
	// the peers have sent as it comes, what is sent to them as it goes, and the ends. It
	// must not block, and may be called for both directions of a connection at a time;
	// of what is recorded nothing is spliced. Nil: nobody asks.
	Record func(link.Passage)

	// Keep returns the recording of a connection, by its number in events, once its
	// upstream is dialled; nil, and what it may return: none. What is recorded is not
	// spliced. It must not block.
	Keep func(conn uint64) *Recording

	// Finish is called right before the FIN that ends one direction of a connection
	// is sent on, while both sides live; nil: nobody asks. It must not block.
	Finish func(conn uint64, d event.Direction)
}

// A Toxic is a fault that the proxy puts into its connections. The toxic itself
// is shared by all of them and must not be modified once it was handed over: to
// change it, hand over another one under the same name.
type Toxic struct {
	Name           string            // unique on its proxy
	Toxic          toxics.Toxic      // what runs in each connection
	BufferSize     int               // of its input, in chunks; 0: what the toxic says, if it does
	Direction      event.Direction   // which link it is on
	Toxicity       float64           // the share of connections that have it, up to 1; 0: not given, that is 1; below 0: none
	Connection     uint64            // the only connection that has it, counted from 1 after After; 0: every one
	LastConnection uint64            // the last connection that has it, where Connection is the first of several
	After          uint64            // how many connections of the proxy came before the first one that is counted, see [Proxy.Served]
	Window         hook.SocketLimits // of the sockets that receive in Direction: New sets it, for all connections
	Refuse         bool              // it is the mode Refuse: New does not take it
	Seed           *seed.Source      // of which connections have it; nil: the proxy's
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
	if c.Drain == 0 {
		c.Drain = 100 * time.Millisecond
	}
	if c.Patience.Toxic == 0 {
		c.Patience.Toxic = c.Grace
	}
	c.Patience = c.Patience.WithDefaults()
	return c
}

// checkConfig finds all that is wrong with the configuration, the toxics excepted.
func (c Config) checkConfig() error {
	var errs []error
	add := func(field string, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", field, err))
		}
	}
	if c.Network != "tcp" {
		errs = append(errs, fmt.Errorf("network %q is not supported", c.Network))
	}
	if c.Listen != "" && c.Listener == nil {
		add("listen "+c.Listen, checkStreamAddress(c.Listen, true))
	}
	for _, at := range append([]string{c.Upstream}, c.MoreUpstreams...) {
		if at != "" && c.DialContext == nil {
			add("upstream "+at, checkStreamAddress(at, false))
		}
	}
	if c.Mode > BlackHole {
		errs = append(errs, errors.New("there is no "+c.Mode.String()))
	}
	if c.UpstreamDown > FailRefuse {
		errs = append(errs, fmt.Errorf("there is no upstream failure %d", c.UpstreamDown))
	}
	if c.Listener != nil && (c.Mode != Accept || c.UpstreamDown == FailRefuse) {
		errs = append(errs, errors.New("a listener of the caller's can do nothing but accept: leave Mode and UpstreamDown alone, or give Listen instead"))
	}
	if c.Listener != nil && c.Listen != "" {
		errs = append(errs, errors.New("give either Listen or Listener"))
	}
	return errors.Join(errs...)
}

// checkStreamAddress finds an address that a proxy of streams cannot use.
func checkStreamAddress(address string, listen bool) error {
	if network, _, err := sock.ParseAddress(address); err == nil && network != "tcp" && network != "unix" {
		return fmt.Errorf("network %q is not supported", network)
	}
	return sock.CheckAddress(address, listen)
}

// checkToxics returns the toxics with their defaults filled in. The error tells of all
// that is wrong.
func checkToxics(list []Toxic) ([]Toxic, error) {
	list = slices.Clone(list)
	seen := map[string]bool{}
	var errs []error
	for i := range list {
		t := &list[i]
		if err := t.check(seen[t.Name]); err != nil {
			errs = append(errs, err)
			continue
		}
		seen[t.Name] = true
		if t.Toxicity == 0 {
			t.Toxicity = 1
		}
		if b, ok := t.Toxic.(toxics.BufferedToxic); ok && t.BufferSize == 0 {
			t.BufferSize = b.GetBufferSize()
		}
	}
	return list, errors.Join(errs...)
}

// check finds what is wrong with one toxic.
func (t Toxic) check(again bool) error {
	switch {
	case t.Name == "":
		return errors.New("toxic without a name")
	case again:
		return fmt.Errorf("toxic %s: name used twice", t.Name)
	case t.Refuse:
		return fmt.Errorf("toxic %s: refuse applies to the port, not to a connection; set Config.Mode to Refuse instead", t.Name)
	case t.Toxic == nil:
		return fmt.Errorf("toxic %s: nothing to run", t.Name)
	case math.IsNaN(t.Toxicity):
		return fmt.Errorf("toxic %s: toxicity is not a number", t.Name)
	case t.BufferSize < 0:
		return fmt.Errorf("toxic %s: buffer size %d is negative", t.Name, t.BufferSize)
	case t.Direction > event.Downstream:
		return fmt.Errorf("toxic %s: direction must be upstream or downstream, got %d", t.Name, t.Direction)
	case t.LastConnection != 0 && (t.Connection == 0 || t.LastConnection < t.Connection):
		return fmt.Errorf("toxic %s: connections must end where they begin or later, got %d-%d", t.Name, t.Connection, t.LastConnection)
	}
	return nil
}
