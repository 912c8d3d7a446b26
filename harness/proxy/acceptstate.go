package proxy

import (
	"errors"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/sleep"
	"github.com/sockharness/harness/harness/sock"
)

// pollUpstream is how often the kernel is asked whether somebody listens
// upstream. It gives no event.
const pollUpstream = 5 * time.Millisecond

// An acceptState is the port of a proxy and the only one who opens and closes it.
type acceptState struct {
	proxy     *Proxy
	accepting atomic.Int32 // goroutines that may have accepted somebody

	mu       sync.Mutex // guards what follows
	port     port
	wanted   Mode
	override Mode // comes before it; Accept: does not
	now      Mode
	settled  bool // now is the port's state
	listener net.Listener
	loopPort *loopPort // instead of a goroutine that accepts; nil: there is none
	watching bool      // a goroutine looks for listeners upstream
	closed   bool
	down     bool // nobody listens upstream
}

func (g *acceptState) openPort(p *Proxy, port port) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.proxy, g.port = p, port
}

func (g *acceptState) listenAddr() net.Addr {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.port == nil {
		return nil
	}
	return g.port.Addr()
}

func (g *acceptState) requestedMode() Mode {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.wanted
}

// setMode changes the mode that is wanted, and the port at once. Before the port is
// open it does nothing but note the wish.
func (g *acceptState) setMode(m Mode) error {
	if m > BlackHole {
		return errors.New("there is no " + m.String())
	}
	g.mu.Lock()
	g.wanted = m
	g.mu.Unlock()
	return g.followUpstream()
}

// setOverride has the port do something else than is wanted, for a while; Accept: no more.
func (g *acceptState) setOverride(m Mode) error {
	g.mu.Lock()
	g.override = m
	g.mu.Unlock()
	return g.followUpstream()
}

// openedProxy returns the proxy once the port is open, and nil before.
func (g *acceptState) openedProxy() *Proxy {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.proxy
}

// followUpstream brings the port to the mode that is wanted. If that depends on the
// upstream, it looks there.
func (g *acceptState) followUpstream() error {
	p := g.openedProxy()
	if p == nil {
		return nil
	}
	follow := p.cfg.UpstreamDown == FailRefuse
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
			g.proxy.wg.Go(g.watchUpstream)
		}
	}
	return g.applyLocked()
}

// watchUpstream mirrors the upstream until the proxy is closed.
func (g *acceptState) watchUpstream() {
	tick := time.NewTicker(pollUpstream)
	defer tick.Stop()
	for {
		select {
		case <-g.proxy.ctx.Done():
			return
		case <-tick.C:
			_ = g.followUpstream()
		}
	}
}

func (g *acceptState) applyLocked() error {
	mode := g.wanted
	if g.override != Accept {
		mode = g.override
	}
	if mode == Accept && g.down {
		mode = Refuse
	}
	if g.settled && mode == g.now {
		return nil
	}
	started := g.settled
	err := g.switchLocked(mode)
	g.now, g.settled = mode, err == nil
	if err == nil && (started || mode != Accept) {
		g.proxy.emitEvent(event.Event{Kind: event.ModeSet, Side: event.Proxy, Detail: mode.String()})
	}
	return err
}

func (g *acceptState) switchLocked(m Mode) error {
	g.loopPort.stopListening()
	switch m {
	case Refuse:
		g.listener = nil
		g.proxy.emitEvent(event.Event{Kind: event.Refuse, Side: event.Proxy, Detail: "connections are refused"})
		return g.port.RefuseConnects()
	case BlackHole:
		g.listener = nil
		return g.port.BlackHole()
	}
	if g.loopPort = g.proxy.shared.loops.listenOn(g.proxy, g.port); g.loopPort != nil {
		g.listener = nil
		return nil
	}
	l, err := g.port.StartListening()
	if err != nil {
		return err
	}
	g.listener = l
	g.accepting.Add(1)
	g.proxy.wg.Go(func() {
		g.acceptLoop(l)
		g.accepting.Add(-1)
		g.proxy.noteFewer()
	})
	return nil
}

// acceptLoop serves clients until the listener is closed.
func (g *acceptState) acceptLoop(l net.Listener) {
	for {
		c, err := l.Accept()
		if err == nil {
			g.proxy.serveAccepted(c)
			continue
		}
		if !g.stillListening(l) || !sleep.For(g.proxy.ctx, pollUpstream) {
			return
		}
	}
}

// stillListening reports whether the gate still listens there. If so, the accept failed
// for another reason, such as too many open files, and is tried again.
func (g *acceptState) stillListening(l net.Listener) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.listener == l
}

// release gives the open port away, nil if there is none. Nothing is accepted any
// more when it returns.
func (g *acceptState) release() port {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed || g.port == nil {
		return nil
	}
	g.listener, g.closed = nil, true
	g.loopPort.stopListening()
	return g.port
}

// numAccepting returns how many clients may have been accepted that have no session yet.
func (g *acceptState) numAccepting() int {
	g.mu.Lock()
	port := g.loopPort
	g.mu.Unlock()
	return port.numAccepting() + int(g.accepting.Load())
}

// acceptPending returns who waits to be accepted.
func (g *acceptState) acceptPending() []net.Conn {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed || !g.settled || g.now != Accept {
		return nil
	}
	list, _ := g.port.AcceptPending() // what it returns beside an error is good
	return list
}

func (g *acceptState) closePort() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return
	}
	g.listener, g.closed = nil, true
	g.loopPort.stopListening()
	_ = g.port.Close()
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
	if err != nil || !sock.IsLocal(addr.AddrPort().Addr()) {
		return false
	}
	listeners, err := p.diag.AllListeners()
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
