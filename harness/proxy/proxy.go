package proxy

import (
	"context"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/link"
	"github.com/sockharness/harness/harness/sock"
	"github.com/sockharness/harness/harness/wire"
)

// A Proxy is a proxy that runs, or has run. Create it with [New]; its methods
// are safe for concurrent use.
type Proxy struct {
	cfg   Config
	pool  link.Pool
	diag  *sock.Diag // nil: this system cannot tell
	tls   handshaker
	gate  gate
	loops loops

	running chan struct{}   // closed when Start has set what follows
	ctx     context.Context // of everything that runs
	cancel  context.CancelFunc
	detach  func() bool // from the context of Start

	ends   sync.WaitGroup // every goroutine
	closed chan struct{}  // closed when Close has done its work
	close  sync.Once

	editing sync.Mutex // held while a new chain goes to the connections, so that they agree

	mu        sync.Mutex // guards what follows; never held during I/O
	started   bool
	upstreams []string // at least one; never changed, but replaced
	onDial    wire.Window
	toxics    []Toxic
	next      uint64
	sessions  map[uint64]*session
	past      [2]Traffic // of the connections that are over, by direction
}

// New returns a proxy that is not running yet. It reports a mistake in the
// configuration.
func New(cfg Config) (*Proxy, error) {
	cfg = cfg.withDefaults()
	if cfg.Network != "tcp" {
		return nil, fmt.Errorf("proxy %s: network %q is not supported", cfg.Name, cfg.Network)
	}
	if err := checkListen(cfg.Listen); err != nil {
		return nil, fmt.Errorf("proxy %s: %w", cfg.Name, err)
	}
	toxics, err := check(cfg.Toxics)
	if err != nil {
		return nil, fmt.Errorf("proxy %s: %w", cfg.Name, err)
	}
	tls, err := cfg.TLS.load(cfg.Authority)
	if err != nil {
		return nil, fmt.Errorf("proxy %s: %w", cfg.Name, err)
	}
	return &Proxy{cfg: cfg, tls: tls, upstreams: append([]string{cfg.Upstream}, cfg.Others...), onDial: cfg.OnDial,
		toxics: toxics, sessions: map[uint64]*session{}, running: make(chan struct{}), closed: make(chan struct{})}, nil
}

// Start binds the port and serves until Close, or until the context ends, which
// is the same. A proxy is started once; when that fails, it is closed.
func (p *Proxy) Start(ctx context.Context) error {
	p.mu.Lock()
	started := p.started
	p.started = true
	p.mu.Unlock()
	if started {
		return fmt.Errorf("proxy %s: started or closed before", p.cfg.Name)
	}
	port, err := bind(p.cfg.Listen, p.cfg.OnListen)
	if err != nil {
		p.abandon()
		return fmt.Errorf("proxy %s: %w", p.cfg.Name, err)
	}
	p.diag, _ = sock.OpenDiag()
	p.ctx, p.cancel = context.WithCancel(ctx)
	p.loops.start(p)
	p.gate.open(p, port)
	p.ends.Go(p.checkSources)
	p.detach = context.AfterFunc(ctx, func() { _ = p.Close() })
	close(p.running)
	if err := p.gate.set(p.cfg.Mode); err != nil {
		_ = p.Close()
		return fmt.Errorf("proxy %s: %w", p.cfg.Name, err)
	}
	return nil
}

// abandon closes a proxy that never ran.
func (p *Proxy) abandon() { p.close.Do(func() { close(p.closed) }) }

// Addr returns the address that clients connect to, or nil before Start.
func (p *Proxy) Addr() net.Addr { return p.gate.addr() }

// SetMode says what becomes of new connections. Connections that the proxy has
// not accepted yet are reset by every change.
func (p *Proxy) SetMode(m Mode) error {
	if err := p.gate.set(m); err != nil {
		return fmt.Errorf("proxy %s: %w", p.cfg.Name, err)
	}
	return nil
}

// Mode returns the mode that was asked for.
func (p *Proxy) Mode() Mode { return p.gate.requested() }

// SetToxics replaces the chains of all connections, those that are open
// included. It does not wait for any of them. Every byte that the proxy reads
// after it has returned goes through the new chain.
func (p *Proxy) SetToxics(list []Toxic) error {
	list, err := check(list)
	if err != nil {
		return fmt.Errorf("proxy %s: %w", p.cfg.Name, err)
	}
	p.editing.Lock()
	defer p.editing.Unlock()
	p.mu.Lock()
	p.toxics = list
	open := p.openLocked()
	p.mu.Unlock()
	for _, s := range open {
		s.update(list)
	}
	if len(open) > 0 {
		p.loops.kick()
	}
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

// Close stops listening, gives the port back and ends every connection in
// order, FIN to both sides. It returns when all is over, and may be called more
// than once. A toxic that does not return within the grace is left behind.
func (p *Proxy) Close() error {
	p.mu.Lock()
	started := p.started
	p.started = true
	p.mu.Unlock()
	if !started {
		p.abandon()
	}
	select {
	case <-p.running:
		p.close.Do(p.end)
	case <-p.closed:
	}
	<-p.closed
	return nil
}

// end does the work of Close.
func (p *Proxy) end() {
	defer close(p.closed)
	p.detach()
	p.gate.close()
	p.cancel()
	p.ends.Wait()
	p.pool.Close()
	if p.diag != nil {
		_ = p.diag.Close()
	}
}

// Wait blocks until the proxy was closed and all is over.
func (p *Proxy) Wait() { <-p.closed }

// serve starts the session of a client that was accepted.
func (p *Proxy) serve(c link.Conn) {
	s := p.admit(c)
	p.ends.Go(s.run)
}

// admit makes the session of a client that was accepted.
func (p *Proxy) admit(c link.Conn) *session {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.next++
	s := newSession(p, p.next, c)
	s.to = p.upstreams
	p.sessions[s.id] = s
	return s
}

// drop forgets a session that is over.
func (p *Proxy) drop(s *session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.sessions, s.id)
	for d, t := range s.traffic() {
		p.past[d].add(t)
	}
}

// checkPeriod is how often stalled connections are checked for a reset, of which
// the kernel gives no event as long as nobody reads.
const checkPeriod = 100 * time.Millisecond

// checkSources checks them until the proxy is closed.
func (p *Proxy) checkSources() {
	tick := time.NewTicker(checkPeriod)
	defer tick.Stop()
	for {
		select {
		case <-p.ctx.Done():
			return
		case <-tick.C:
		}
		p.loops.tick()
		p.mu.Lock()
		open := p.openLocked()
		p.mu.Unlock()
		for _, s := range open {
			s.checkSources()
		}
	}
}

func (p *Proxy) emit(e event.Event) {
	e.Proxy = p.cfg.Name
	p.cfg.Events.Emit(e)
}
