package proxy

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/sock"
)

// pollUpstream is how often the kernel is asked whether somebody listens
// upstream. It gives no event.
const pollUpstream = 5 * time.Millisecond

// A gate is the port of a proxy and the only one who opens and closes it.
type gate struct {
	proxy *Proxy

	mu       sync.Mutex // guards what follows
	port     *sock.Port
	wanted   Mode
	now      Mode
	settled  bool // now is the port's state
	listener net.Listener
	watching bool // a goroutine looks for listeners upstream
	closed   bool
	down     bool // nobody listens upstream
}

func (g *gate) open(p *Proxy, port *sock.Port) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.proxy, g.port = p, port
}

func (g *gate) addr() net.Addr {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.port == nil {
		return nil
	}
	return g.port.Addr()
}

func (g *gate) requested() Mode {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.wanted
}

// set changes the mode that is wanted, and the port at once. Before the port is
// open it does nothing but note the wish.
func (g *gate) set(m Mode) error {
	if m > BlackHole {
		return errors.New("there is no " + m.String())
	}
	g.mu.Lock()
	g.wanted = m
	g.mu.Unlock()
	return g.mirror()
}

// opened returns the proxy once the port is open, and nil before.
func (g *gate) opened() *Proxy {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.proxy
}

// mirror brings the port to the mode that is wanted. If that depends on the
// upstream, it looks there.
func (g *gate) mirror() error {
	p := g.opened()
	if p == nil {
		return nil
	}
	follow := p.cfg.UpstreamDown == DownRefuse
	down := follow && p.upstreamDown()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return net.ErrClosed
	}
	if follow {
		g.down = down
		if !g.watching {
			g.watching = true
			g.proxy.ends.Go(g.watch)
		}
	}
	return g.applyLocked()
}

// watch mirrors the upstream until the proxy is closed.
func (g *gate) watch() {
	tick := time.NewTicker(pollUpstream)
	defer tick.Stop()
	for {
		select {
		case <-g.proxy.ctx.Done():
			return
		case <-tick.C:
			_ = g.mirror()
		}
	}
}

func (g *gate) applyLocked() error {
	mode := g.wanted
	if mode == Accept && g.down {
		mode = Refuse
	}
	if g.settled && mode == g.now {
		return nil
	}
	err := g.turnLocked(mode)
	g.now, g.settled = mode, err == nil
	return err
}

func (g *gate) turnLocked(m Mode) error {
	g.proxy.loops.unlisten()
	switch m {
	case Refuse:
		g.listener = nil
		g.proxy.emit(event.Event{Kind: event.Refuse, Side: event.Proxy, Detail: "connections are refused"})
		return g.port.Refuse()
	case BlackHole:
		g.listener = nil
		return g.port.Hang()
	}
	l, err := g.port.Listen()
	if err != nil {
		return err
	}
	g.listener = l
	if g.proxy.loops.listen(l) {
		return nil
	}
	g.proxy.ends.Go(func() { g.accept(l) })
	return nil
}

// accept serves clients until the listener is closed.
func (g *gate) accept(l net.Listener) {
	for {
		c, err := l.Accept()
		if err == nil {
			g.proxy.serve(accepted(c))
			continue
		}
		if !g.current(l) || !pause(g.proxy.ctx, pollUpstream) {
			return
		}
	}
}

// current reports whether the gate still listens there. If so, the accept failed
// for another reason, such as too many open files, and is tried again.
func (g *gate) current(l net.Listener) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.listener == l
}

func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.listener, g.closed = nil, true
	g.proxy.loops.unlisten()
	_ = g.port.Close()
}

func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// upstreamDown reports whether it is known that nobody listens on any upstream.
func (p *Proxy) upstreamDown() bool {
	return !slices.ContainsFunc(p.Upstreams(), func(at string) bool { return !p.isDown(at) })
}

func (p *Proxy) isDown(upstream string) bool {
	network, at, err := sock.ParseAddress(upstream)
	if err == nil && network == "unix" {
		_, err := os.Stat(at)
		return errors.Is(err, fs.ErrNotExist) && at[0] != '@'
	}
	if p.diag == nil {
		return false
	}
	addr, err := net.ResolveTCPAddr("tcp", upstream)
	if err != nil || !isLocal(addr.AddrPort().Addr()) {
		return false
	}
	listeners, err := p.diag.Listeners()
	if err != nil {
		return false
	}
	want := netip.AddrPortFrom(addr.AddrPort().Addr().Unmap(), uint16(addr.Port))
	for _, l := range listeners {
		at := l.Addr.Addr().Unmap()
		if l.Addr.Port() == want.Port() && (at == want.Addr() || at.IsUnspecified()) {
			return false
		}
	}
	return true
}

// isLocal reports whether an address is one of this host.
func isLocal(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	if a.IsLoopback() || a.IsUnspecified() {
		return true
	}
	own, err := net.InterfaceAddrs()
	if err != nil {
		return false
	}
	for _, o := range own {
		if n, ok := o.(*net.IPNet); ok {
			if ip, ok := netip.AddrFromSlice(n.IP); ok && ip.Unmap() == a {
				return true
			}
		}
	}
	return false
}
