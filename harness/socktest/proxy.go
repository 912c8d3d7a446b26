package socktest

import (
	"context"
	"crypto/x509"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/capture"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/proxy"
	"github.com/sockharness/harness/harness/seed"
	"github.com/sockharness/harness/harness/sock"
)

// A Proxy stands between clients and a server. Without an injection it passes on
// every byte, half-close and reset as it comes. Its methods are safe for concurrent
// use; those that fail the test must be called from the test's goroutine.
type Proxy struct {
	tb      testing.TB
	running *proxy.Proxy
	record  *record
	faults  injectionSet
	seed    int64
	pool    *x509.CertPool // of a proxy with TLS
	// recording is of what passes, for the test's artifacts; nil: nothing is recorded
	recording *capture.Recording
}

// NewProxy starts a proxy in front of upstream, "host:port" or "unix:/path". Nobody has
// to listen there yet. When the test ends the proxy is closed with all its
// connections, and the test fails if an injection never struck. The options are
// [Listen], [Seed], [Faults] and [TLS].
func NewProxy(tb testing.TB, upstream string, opts ...Option) *Proxy {
	tb.Helper()
	p, err := newProxy(tb, upstream, opts)
	if err != nil {
		tb.Fatalf("socktest: proxy for %s: %v", upstream, err)
	}
	liveTests.enter(tb)
	tb.Cleanup(p.end)
	return p
}

func newProxy(tb testing.TB, upstream string, opts []Option) (*Proxy, error) {
	o, err := readOptions(opts, "Listen", "Seed", "Faults", "TLS")
	if err != nil {
		return nil, err
	}
	if err := checkUpstream(upstream); err != nil {
		return nil, err
	}
	p := &Proxy{tb: tb, record: newRecord()}
	p.faults = injectionSet{tb: tb, record: p.record, build: p.buildInjection, apply: p.applyInjections, connect: p.describeConns}
	if p.seed, err = o.seedOrTestSeed(); err != nil {
		return nil, err
	}
	for _, f := range o.faults {
		if err := p.faults.addFault(f); err != nil {
			return nil, err
		}
	}
	diag, shared := kernel.acquireForProxy()
	config := proxy.Config{Name: "socktest", Listen: o.listen, Upstream: upstream,
		Seed: seed.New(p.seed).SplitBy(tb.Name()), Diag: diag, Shared: shared, Events: p.record.addEvent, Tap: p.record.newTap, Finish: p.record.finish, Toxics: toxicsOf(p.faults.active)}
	p.recordPassages(&config)
	if err = p.useTLS(&config, o); err == nil {
		p.running, err = proxy.New(config)
	}
	if err == nil {
		err = p.running.Start(context.Background())
	}
	if err != nil {
		kernel.release()
	}
	return p, err
}

// checkUpstream finds an address that a proxy of streams cannot connect to.
func checkUpstream(addr string) error {
	network, _, _ := sock.ParseAddress(addr)
	if network == "udp" {
		return fmt.Errorf("upstream: %s takes datagrams: use NewPacketProxy", addr)
	}
	if err := sock.CheckAddress(addr, false); err != nil {
		return fmt.Errorf("upstream: %w", err)
	}
	return nil
}

// Addr returns the address that clients connect to, "host:port" or "unix:/path".
func (p *Proxy) Addr() string { return sock.FormatAddress(p.running.Addr()) }

// Seed returns the seed of what is random in the proxy.
func (p *Proxy) Seed() int64 { return p.seed }

// DialContext connects to the proxy, whatever the network and the address: for
// clients that can be given a dial function, such as http.Transport.
func (p *Proxy) DialContext(ctx context.Context, _, _ string) (net.Conn, error) {
	network, addr, err := sock.ParseAddress(p.Addr())
	if err != nil {
		return nil, err
	}
	var d net.Dialer
	d.SetMultipathTCP(false)
	return d.DialContext(ctx, network, addr)
}

// Refuse lets every new connect fail with ECONNREFUSED, until [Proxy.Accept]. The port
// stays the proxy's. Connections that are open live on.
func (p *Proxy) Refuse() { p.setMode(proxy.Refuse) }

// BlackHole leaves every new connect without an answer, until [Proxy.Accept].
// Connections that are open live on.
func (p *Proxy) BlackHole() { p.setMode(proxy.BlackHole) }

// Accept takes back [Proxy.Refuse] and [Proxy.BlackHole].
func (p *Proxy) Accept() { p.setMode(proxy.Accept) }

// SetUpstream has the proxy connect new clients to another server, such as one that was
// started again on another port. Connections that are open live on.
func (p *Proxy) SetUpstream(upstream string) {
	p.tb.Helper()
	if err := checkUpstream(upstream); err != nil {
		p.tb.Fatalf("socktest: %v", err)
	}
	p.running.SetUpstream(upstream)
}

// Partition holds back what flows in the direction, without one in both, on all open
// connections, and leaves every connect without an answer, until [Proxy.Heal]. Then all
// of it arrives.
func (p *Proxy) Partition(d ...Direction) {
	p.tb.Helper()
	o := proxy.Outage{Kind: proxy.Partition}
	if len(d) == 1 {
		one := event.Direction(d[0])
		o.OneSided = &one
	}
	p.startOutage(o)
}

// FailNext resets the next n connections, each right after its connect. Those after
// them work, and those that are open live on.
func (p *Proxy) FailNext(n int) {
	p.tb.Helper()
	p.startOutage(proxy.Outage{Kind: proxy.Fail, First: uint64(max(n, 0))})
}

// RefuseFor lets every new connect fail with ECONNREFUSED for a time, or until
// [Proxy.Heal]. Connections that are open live on.
func (p *Proxy) RefuseFor(d time.Duration) {
	p.tb.Helper()
	p.startOutage(proxy.Outage{Kind: proxy.RefuseNew, For: d})
}

// Heal ends what Partition, FailNext and RefuseFor do. Each of them ends the one before.
func (p *Proxy) Heal() {
	p.tb.Helper()
	if err := p.running.Heal(); err != nil {
		p.tb.Fatalf("socktest: %v", err)
	}
}

func (p *Proxy) startOutage(o proxy.Outage) {
	p.tb.Helper()
	if err := p.running.StartOutage(o); err != nil {
		p.tb.Fatalf("socktest: %v", err)
	}
}

func (p *Proxy) setMode(m proxy.Mode) {
	p.tb.Helper()
	if err := p.running.SetMode(m); err != nil {
		p.tb.Fatalf("socktest: %v", err)
	}
}

// closeTimeout is how long CloseAll waits for what it has ended.
const closeTimeout = 10 * time.Second

// CloseAll ends all open connections, by [FIN] or [RST] to both sides, waits until
// they are over and returns how many these were.
func (p *Proxy) CloseAll(e Ending) int {
	p.tb.Helper()
	return p.endConns(e, nil)
}

// Close ends this connection, as [Proxy.CloseAll] does.
func (c *Conn) Close(e Ending) {
	c.proxy.tb.Helper()
	c.proxy.endConns(e, c.selects)
}

// HalfClose ends the stream of one direction by FIN to its receiver. The other stays
// open. Of a connection that is over it does nothing.
func (c *Conn) HalfClose(d Direction) { c.proxy.halfClose(d, c.selects) }

// HalfCloseAll ends the stream of one direction of all open connections, as
// [Conn.HalfClose] does, and returns how many these were.
func (p *Proxy) HalfCloseAll(d Direction) int { return p.halfClose(d, nil) }

func (c *Conn) selects(open proxy.Connection) bool { return open.ID == uint64(c.number) }

func (p *Proxy) halfClose(d Direction, match func(proxy.Connection) bool) int {
	how := proxy.FinishUpstream
	if d == Downstream {
		how = proxy.FinishDownstream
	}
	return p.running.EndConnections(how, match)
}

func (p *Proxy) endConns(e Ending, match func(proxy.Connection) bool) int {
	p.tb.Helper()
	how, ok := map[Ending]proxy.Termination{FIN: proxy.TerminateClose, RST: proxy.TerminateReset}[e]
	if !ok {
		p.tb.Fatalf("socktest: connections can be ended by FIN or RST, got %q", e)
	}
	var ended []*Conn
	n := p.running.EndConnections(how, func(open proxy.Connection) bool {
		if match != nil && !match(open) {
			return false
		}
		ended = append(ended, &Conn{proxy: p, number: int(open.ID)})
		return true
	})
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	for _, c := range ended {
		if err := c.Wait(ctx); err != nil {
			p.tb.Errorf("socktest: %v", err)
		}
	}
	return n
}

// Close ends the proxy with all its connections, by FIN, before the test does. The
// test fails if an injection never struck. It may be called more than once.
func (p *Proxy) Close() {
	p.tb.Helper()
	if p.faults.close() {
		return
	}
	if len(p.faults.unstruck()) > 0 {
		_ = p.running.Close() // what is under way may still strike
	} else {
		_ = p.running.CloseNow()
	}
	p.faults.checkStrikes()
}

// end closes the proxy at the end of the test, and says what it knows if that fails.
func (p *Proxy) end() {
	p.tb.Helper()
	defer func() {
		if p.faults.failed() {
			explainFailure(p.tb, p.seed, p.describe, p.writeArtifacts)
		}
		liveTests.leave(p.tb)
		kernel.release()
	}()
	p.Close()
}

// buildInjection makes what runs in the proxy. Some must be there before it listens.
func (p *Proxy) buildInjection(i *Injection) (err error) {
	i.toxics, err = i.fault.toxic(i.name, p.running != nil)
	return err
}

func (p *Proxy) applyInjections(active []*Injection) error {
	return p.running.SetToxics(toxicsOf(active))
}

func toxicsOf(active []*Injection) (list []proxy.Toxic) {
	for _, i := range active {
		list = append(list, i.toxics...)
	}
	return list
}

func (p *Proxy) describeConns() (what string, all []string) {
	for _, c := range p.Conns() {
		all = append(all, c.String())
	}
	return "connection", all
}

func (p *Proxy) describe() string {
	_, conns := p.describeConns()
	return describeProxy(p.tb, fmt.Sprintf("proxy %s to %s", p.Addr(), p.running.FirstUpstream()), p.seed, p.Injections(), conns)
}
