package proxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/lifetime"
	"github.com/sockharness/harness/harness/link"
	"github.com/sockharness/harness/harness/sock"
	"github.com/sockharness/harness/harness/tlsconn"
	"github.com/sockharness/harness/toxics/hook"
	"github.com/sockharness/harness/toxics/spec"
)

// A Proxy is a proxy that runs, or has run. Create it with [New]; its methods
// are safe for concurrent use.
type Proxy struct {
	cfg    Config
	shared *Shared
	diag   *sock.Diag // nil: this system cannot tell
	tls    tlsconn.Handshaker
	gate   acceptState
	way    atomic.Pointer[localUpstream] // nil: nobody has looked
	named  atomic.Pointer[dialledName]   // nil: nobody has dialled a name

	life   *lifetime.Lifetime // it runs when Start has set what follows
	ctx    context.Context    // of everything that runs
	cancel context.CancelFunc

	wg sync.WaitGroup // every goroutine

	editing sync.Mutex // held while a new chain goes to the connections, so that they agree

	mu        sync.Mutex // guards what follows; never held during I/O
	upstreams []string   // at least one; never changed, but replaced
	onDial    hook.SocketLimits
	toxics    []Toxic
	outage    outageState
	next      uint64
	sessions  map[uint64]*session
	fewer     chan struct{} // closed when there may be fewer connections; nil: nobody waits for that
	past      [2]Traffic    // of the connections that are over, by direction
}

// New returns a proxy that is not running yet. It reports every mistake in the
// configuration, one line each.
func New(cfg Config) (*Proxy, error) {
	cfg = cfg.withDefaults()
	toxics, err := checkToxics(cfg.Toxics)
	if err = errors.Join(cfg.checkConfig(), err); err != nil {
		return nil, spec.PrefixErrors(err, "proxy "+cfg.Name+": ")
	}
	cfg.OnListen, cfg.OnDial = withWindows(cfg.OnListen, cfg.OnDial, toxics)
	tls, err := cfg.TLS.LoadHandshaker(cfg.Authority)
	if err != nil {
		return nil, fmt.Errorf("proxy %s: %w", cfg.Name, err)
	}
	return &Proxy{cfg: cfg, tls: tls, upstreams: append([]string{cfg.Upstream}, cfg.MoreUpstreams...), onDial: cfg.OnDial,
		toxics: toxics, sessions: map[uint64]*session{}, life: lifetime.New()}, nil
}

// Start binds the port and serves until Close. The context is of the start alone: the
// proxy outlives it. A proxy is started once; when that fails, it is closed.
func (p *Proxy) Start(ctx context.Context) error {
	return p.startOn(ctx, func() (port, error) {
		if p.cfg.Listener != nil {
			return callerPort{p.cfg.Listener}, nil
		}
		return bindPort(p.cfg.Listen, p.cfg.OnListen)
	})
}

// TakeOver starts the proxy, as Start does, on the port of one that runs, which
// accepts no more from then on and goes on with the connections that it has. No
// client is refused in between. The caller closes the other one. The error is
// [net.ErrClosed] if that does not run.
func (p *Proxy) TakeOver(ctx context.Context, running *Proxy) error {
	return p.startOn(ctx, func() (port, error) {
		port := running.gate.release()
		if port == nil {
			return nil, net.ErrClosed
		}
		if err := port.SetWindow(p.cfg.OnListen); err != nil && !errors.Is(err, sock.ErrUnsupported) {
			return nil, errors.Join(err, port.Close())
		}
		return port, nil
	})
}

// startOn starts the proxy on the port that take returns.
func (p *Proxy) startOn(ctx context.Context, take func() (port, error)) error {
	if !p.life.Begin() {
		return fmt.Errorf("proxy %s: started or closed before", p.cfg.Name)
	}
	err := ctx.Err()
	var port port
	if err == nil {
		port, err = take()
	}
	if err != nil {
		p.life.Abandon()
		return fmt.Errorf("proxy %s: %w", p.cfg.Name, err)
	}
	if p.shared = p.cfg.Shared; p.shared == nil {
		p.shared = NewShared()
	}
	p.ctx, p.cancel = context.WithCancel(context.WithoutCancel(ctx))
	p.diag = p.shared.addProxy(p)
	p.gate.openPort(p, port)
	p.life.Run()
	if err := p.gate.setMode(p.cfg.Mode); err != nil {
		_ = p.Close()
		return fmt.Errorf("proxy %s: %w", p.cfg.Name, err)
	}
	return nil
}

// Addr returns the address that clients connect to, or nil before Start.
func (p *Proxy) Addr() net.Addr { return p.gate.listenAddr() }

// SetMode says what becomes of new connections. Connections that the proxy has
// not accepted yet are reset by every change.
func (p *Proxy) SetMode(m Mode) error {
	if err := p.gate.setMode(m); err != nil {
		return fmt.Errorf("proxy %s: %w", p.cfg.Name, err)
	}
	return nil
}

// Mode returns the mode that was asked for.
func (p *Proxy) Mode() Mode { return p.gate.requestedMode() }

// SetToxics replaces the chains of all connections, those that are open
// included. It does not wait for any of them. Every byte that the proxy reads
// after it has returned goes through the new chain.
func (p *Proxy) SetToxics(list []Toxic) error {
	list, err := checkToxics(list)
	if err != nil {
		return fmt.Errorf("proxy %s: %w", p.cfg.Name, err)
	}
	p.editing.Lock()
	defer p.editing.Unlock()
	p.mu.Lock()
	p.toxics = list
	p.mu.Unlock()
	p.spreadToxics()
	return nil
}

// Toxics returns a copy of the list of toxics.
func (p *Proxy) Toxics() []Toxic {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.toxics)
}

func (p *Proxy) openLocked() []*session {
	open := make([]*session, 0, len(p.sessions))
	for _, s := range p.sessions {
		open = append(open, s)
	}
	return open
}

// WaitClosed blocks until the proxy was closed and all is over.
func (p *Proxy) WaitClosed() { p.life.WaitClosed() }

// Served returns how many connections were accepted so far, those before the
// first of this proxy included, see [Config.Served].
func (p *Proxy) Served() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cfg.Served + p.next
}

// serveClient starts the session of a client that was accepted.
func (p *Proxy) serveClient(c link.Conn) {
	s := new(session)
	p.beginSession(s, link.NewSide(event.Client, p.tls.ServerConn(c)))
	p.wg.Go(s.runSession)
}

// beginSession makes a zero session that of a client that was accepted.
func (p *Proxy) beginSession(s *session, client *link.Side) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.next++
	s.begin(p, p.next, client)
	s.upstreams = p.upstreams
	p.sessions[s.id] = s
	p.shared.noteOpened()
}

// removeSession forgets a session that is over.
func (p *Proxy) removeSession(s *session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.sessions, s.id)
	p.noteFewerLocked()
	for d, t := range s.sessionTraffic() {
		p.past[d].addTraffic(t)
	}
}

func (p *Proxy) emitEvent(e event.Event) {
	e.Proxy = p.cfg.Name
	p.cfg.Events.Emit(e)
}
