package socktest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/datagram"
	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/seed"
	"github.com/sockharness/harness/harness/sock"
)

// A PacketProxy stands between UDP clients and a server. Without an injection it passes
// on every datagram as it comes, in order. Its methods are safe for concurrent use; those
// that fail the test must be called from the test's goroutine.
type PacketProxy struct {
	tb       testing.TB
	running  *datagram.Proxy
	record   *record
	faults   injectionSet
	upstream string
	seed     int64
}

// NewPacketProxy starts a proxy of datagrams in front of upstream, "host:port". Nobody has
// to listen there yet. When the test ends the proxy is closed, and the test fails if an
// injection never struck. The options are [Listen], [Seed] and [Faults].
func NewPacketProxy(tb testing.TB, upstream string, opts ...Option) *PacketProxy {
	tb.Helper()
	p, err := newPacketProxy(tb, upstream, opts)
	if err != nil {
		tb.Fatalf("socktest: packet proxy for %s: %v", upstream, err)
	}
	liveTests.enter(tb)
	tb.Cleanup(p.end)
	return p
}

func newPacketProxy(tb testing.TB, upstream string, opts []Option) (*PacketProxy, error) {
	o, err := readOptions(opts, "Listen", "Seed", "Faults")
	if err != nil {
		return nil, err
	}
	to, err := udpAddress(upstream, false)
	if err != nil {
		return nil, fmt.Errorf("upstream: %w", err)
	}
	listen, err := udpAddress(o.listen, true)
	if err != nil {
		return nil, fmt.Errorf("option Listen: %w", err)
	}
	p := &PacketProxy{tb: tb, record: newRecord(), upstream: to}
	p.record.each = true
	if p.seed, err = o.seedOrTestSeed(); err != nil {
		return nil, err
	}
	p.faults = injectionSet{tb: tb, record: p.record, build: p.buildInjection, apply: p.applyInjections, connect: p.describeClients}
	for _, f := range o.faults {
		if err := p.faults.addFault(f); err != nil {
			return nil, err
		}
	}
	p.running, err = datagram.New(datagram.Config{Name: "socktest", Listen: listen, Upstream: to, Idle: -1, Seed: seed.New(p.seed).SplitBy(tb.Name()),
		Events: p.record.addEvent, Passing: p.record.addDatagram, Toxics: datagramToxicsOf(p.faults.active)})
	if err != nil {
		return nil, err
	}
	return p, p.running.Start(context.Background())
}

// udpAddress returns "host:port", which may have been written with udp: before it.
func udpAddress(text string, listen bool) (string, error) {
	if err := sock.CheckAddress(text, listen); err != nil {
		return "", err
	}
	network, at, err := sock.ParseAddress(text)
	if err == nil && network == "unix" {
		err = errors.New("a packet proxy speaks UDP; want HOST:PORT")
	}
	return at, err
}

// Addr returns the address that clients send to, "host:port".
func (p *PacketProxy) Addr() string { return p.running.Addr().String() }

// Seed returns the seed of what is random in the proxy.
func (p *PacketProxy) Seed() int64 { return p.seed }

// DialContext returns a UDP socket that is connected to the proxy, whatever the network and
// the address: for clients that can be given a dial function, such as net.Resolver.
func (p *PacketProxy) DialContext(ctx context.Context, _, _ string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "udp", p.Addr())
}

// Inject puts the fault into the datagrams of all clients, those to come included, behind
// those injected before. Every datagram that the proxy reads after Inject has returned is
// subject to it.
//
// An injection that has struck no datagram when the test ends fails the test, because the
// test has then proved nothing. See [Injection.Maybe].
func (p *PacketProxy) Inject(f Fault) *Injection {
	p.tb.Helper()
	return p.faults.inject(f)
}

// Injections returns all injections, those that were removed included.
func (p *PacketProxy) Injections() []*Injection { return p.faults.list() }

// Refuse closes the port until [PacketProxy.Accept]: a datagram is answered by ICMP, which
// the sender gets as ECONNREFUSED.
func (p *PacketProxy) Refuse() { p.setMode(datagram.Refuse) }

// BlackHole swallows every datagram of clients and the server until [PacketProxy.Accept].
func (p *PacketProxy) BlackHole() { p.setMode(datagram.BlackHole) }

// Accept takes back [PacketProxy.Refuse] and [PacketProxy.BlackHole].
func (p *PacketProxy) Accept() { p.setMode(datagram.Accept) }

func (p *PacketProxy) setMode(m datagram.Mode) {
	p.tb.Helper()
	if err := p.running.SetMode(m); err != nil {
		p.tb.Fatalf("socktest: %v", err)
	}
}

// strikeTimeout is how long a datagram that was sent may still be on its way to the fault
// when the test ends. Only a test that would fail waits.
const strikeTimeout = time.Second

// Close ends the proxy before the test does; what a fault holds is lost. The test fails if
// an injection never struck. It may be called more than once.
func (p *PacketProxy) Close() {
	p.tb.Helper()
	if p.faults.close() {
		return
	}
	if !p.tb.Failed() && !p.tb.Skipped() {
		p.awaitStrikes()
	}
	_ = p.running.Close()
	p.faults.checkStrikes()
}

// awaitStrikes waits until all injections have struck, for a while.
func (p *PacketProxy) awaitStrikes() {
	ctx, cancel := context.WithTimeout(context.Background(), strikeTimeout)
	defer cancel()
	_ = p.record.await(ctx, func() bool { return len(p.faults.unstruck()) == 0 }) // the check that follows says which have not
}

// end closes the proxy at the end of the test, and says what it knows if that fails.
func (p *PacketProxy) end() {
	p.tb.Helper()
	defer func() {
		if p.faults.failed() {
			explainFailure(p.tb, p.seed, p.describe, nil)
		}
		liveTests.leave(p.tb)
	}()
	p.Close()
}

func (p *PacketProxy) describe() string {
	_, clients := p.describeClients()
	return describeProxy(p.tb, fmt.Sprintf("packet proxy %s to %s", p.Addr(), p.upstream), p.seed, p.Injections(), clients)
}

func (p *PacketProxy) buildInjection(i *Injection) (err error) {
	i.packet, err = i.fault.datagramToxic(i.name)
	return err
}

func (p *PacketProxy) applyInjections(active []*Injection) error {
	return p.running.SetToxics(datagramToxicsOf(active))
}

func datagramToxicsOf(active []*Injection) (list []datagram.Toxic) {
	for _, i := range active {
		list = append(list, i.packet)
	}
	return list
}

func (p *PacketProxy) describeClients() (what string, all []string) {
	for _, c := range p.Clients() {
		all = append(all, c.String())
	}
	return "datagram", all
}

// A PacketClient is one client of a [PacketProxy], as it is at the time of each call: an
// address that datagrams come from. It may be asked for before there is one. Its methods
// are safe for concurrent use.
type PacketClient struct {
	proxy  *PacketProxy
	number int
}

// Client returns the n-th client that has sent a datagram to the proxy, from 1. It does not
// wait for it.
func (p *PacketProxy) Client(n int) *PacketClient {
	if n < 1 {
		p.tb.Helper()
		p.tb.Fatalf("socktest: clients of a proxy are numbered from 1, got %d", n)
	}
	return &PacketClient{proxy: p, number: n}
}

// Clients returns all clients so far.
func (p *PacketProxy) Clients() (all []*PacketClient) {
	for _, n := range p.record.accepted() {
		all = append(all, &PacketClient{proxy: p, number: n})
	}
	return all
}

func (c *PacketClient) with(f func(*connRecord)) { c.proxy.record.with(c.number, f) }

// Number returns the client's number on its proxy, from 1.
func (c *PacketClient) Number() int { return c.number }

// Made reports whether the client has sent a datagram to the proxy.
func (c *PacketClient) Made() (made bool) {
	c.with(func(r *connRecord) { made = r.accepted })
	return made
}

// Addrs returns the address of the client, and that of the server, which is "" until the
// proxy has a socket towards it.
func (c *PacketClient) Addrs() (client, server string) {
	c.with(func(r *connRecord) { client, server = r.client, r.server })
	return client, server
}

// Passed returns how many datagrams of the direction were passed on to their receiver.
func (c *PacketClient) Passed(d Direction) (n int) {
	c.with(func(r *connRecord) { n = r.datagrams[d&1] })
	return n
}

// Data returns the datagrams of the direction that were passed on, in that order, up to
// the first MiB.
func (c *PacketClient) Data(d Direction) (all []string) {
	c.with(func(r *connRecord) { all = append(all, r.payloads[d&1]...) })
	return all
}

// Unreachable returns how often the server's host has said, by ICMP, that nobody listens.
func (c *PacketClient) Unreachable() (times int) {
	c.with(func(r *connRecord) { times = r.unreachable })
	return times
}

// Events returns what happened to the client's datagrams, the first 1,000 events.
func (c *PacketClient) Events() (all []Event) {
	c.with(func(r *connRecord) { all = append(all, r.events...) })
	return all
}

// String tells which client it is and what was passed on.
func (c *PacketClient) String() (text string) {
	c.with(func(r *connRecord) {
		text = fmt.Sprintf("client %d: %s upstream and %s downstream passed on", c.number, plural.Count(r.datagrams[Upstream], "datagram"), plural.Count(r.datagrams[Downstream], "datagram"))
		if r.unreachable > 0 {
			text += "; the port of the server was closed"
		}
		if r.failure != "" {
			text += "; the proxy could not reach the server: " + r.failure
		}
		var struck []string
		for _, e := range r.events {
			if e.Kind == "struck" && len(struck) < 3 {
				struck = append(struck, e.Detail)
			}
		}
		if len(struck) > 0 {
			text += "; " + strings.Join(struck, ", ")
		}
	})
	return text
}
