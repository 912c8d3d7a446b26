package datagram

import (
	"context"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/sockharness/harness/harness/event"
)

// A Proxy is a proxy of datagrams that runs, or has run. Create it with [New];
// its methods are safe for concurrent use.
type Proxy struct {
	cfg     Config
	made    time.Time
	table   *table
	port    port
	buffers buffers

	running chan struct{}   // closed when Start has set what follows
	ctx     context.Context // of everything that runs
	cancel  context.CancelFunc
	detach  func() bool // from the context of Start

	ends   sync.WaitGroup // every goroutine
	closed chan struct{}  // closed when Close has done its work
	close  sync.Once

	editing sync.Mutex // held while toxics go to the associations, or one is made

	mu      sync.Mutex // guards what follows
	started bool
	toxics  []Toxic
}

// New returns a proxy that is not running yet. It reports a mistake in the
// configuration.
func New(cfg Config) (*Proxy, error) {
	cfg = cfg.withDefaults()
	toxics, err := check(cfg.Toxics)
	if err != nil {
		return nil, fmt.Errorf("proxy %s: %w", cfg.Name, err)
	}
	if cfg.Mode > BlackHole {
		return nil, fmt.Errorf("proxy %s: there is no %v", cfg.Name, cfg.Mode)
	}
	p := &Proxy{cfg: cfg, made: time.Now(), table: newTable(cfg.Associations, cfg.Idle), toxics: toxics,
		running: make(chan struct{}), closed: make(chan struct{})}
	p.port.proxy = p
	p.port.wanted.store(cfg.Mode)
	return p, nil
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
	p.ctx, p.cancel = context.WithCancel(ctx)
	if err := p.port.open(p.cfg.Listen); err != nil {
		p.cancel()
		p.abandon()
		return fmt.Errorf("proxy %s: %w", p.cfg.Name, err)
	}
	p.ends.Go(func() { p.table.expire(p.ctx, p.made) })
	p.detach = context.AfterFunc(ctx, func() { _ = p.Close() })
	close(p.running)
	if err := p.port.settle(); err != nil {
		_ = p.Close()
		return fmt.Errorf("proxy %s: %w", p.cfg.Name, err)
	}
	return nil
}

// abandon closes a proxy that never ran.
func (p *Proxy) abandon() { p.close.Do(func() { close(p.closed) }) }

// Addr returns the address that clients send to, or nil before Start.
func (p *Proxy) Addr() net.Addr { return p.port.address() }

// SetMode says what becomes of datagrams from now on.
func (p *Proxy) SetMode(m Mode) error {
	if err := p.port.set(m); err != nil {
		return fmt.Errorf("proxy %s: %w", p.cfg.Name, err)
	}
	return nil
}

// Mode returns the mode that was asked for.
func (p *Proxy) Mode() Mode { return p.port.requested() }

// SetToxics replaces the toxics of all associations. A toxic that was there
// before and is there again goes on with what it has counted and held; one that
// is another begins anew. What a toxic holds that is gone passes at once through
// those behind it.
func (p *Proxy) SetToxics(list []Toxic) error {
	list, err := check(list)
	if err != nil {
		return fmt.Errorf("proxy %s: %w", p.cfg.Name, err)
	}
	p.editing.Lock()
	defer p.editing.Unlock()
	p.mu.Lock()
	p.toxics = list
	p.mu.Unlock()
	for _, a := range p.table.all() {
		a.update(list)
	}
	return nil
}

// Toxics returns a copy of the list of toxics.
func (p *Proxy) Toxics() []Toxic {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.toxics)
}

// Traffic returns what the proxy has carried so far in one direction, for all
// clients, those included whose associations are over.
func (p *Proxy) Traffic(d event.Direction) Traffic { return p.table.carried(d) }

// Close gives the port back and ends every association. What is held is lost. It
// returns when all is over, and may be called more than once.
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
	p.cancel()
	p.port.close()
	p.editing.Lock() // no association is being made
	open := p.table.all()
	p.editing.Unlock()
	for _, a := range open {
		a.end("", "the proxy was closed")
	}
	p.ends.Wait()
}

// Wait blocks until the proxy was closed and all is over.
func (p *Proxy) Wait() { <-p.closed }

// take carries a datagram of a client, whose bytes it does not keep.
func (p *Proxy) take(payload []byte, k key) {
	for p.ctx.Err() == nil {
		a := p.table.find(k)
		if a == nil {
			a = p.associate(k)
		}
		if a == nil {
			return
		}
		a.touch()
		if a.links[event.Upstream].carry(payload) {
			return
		}
		<-a.gone
	}
}

// associate makes the association of a client that has none; nil when the proxy
// is being closed.
func (p *Proxy) associate(k key) *association {
	p.editing.Lock()
	defer p.editing.Unlock()
	if p.ctx.Err() != nil {
		return nil
	}
	list := p.Toxics()
	a, evicted := p.table.add(k, func(id uint64) *association { return newAssociation(p, id, k, list) })
	a.emit(event.Event{Kind: event.Accept, Side: event.Client, Detail: k.client.String() + " to " + p.port.address().String()})
	p.ends.Go(a.run)
	if evicted != nil {
		evicted.end(event.Expire, fmt.Sprintf("made way: there are %d associations at most", p.cfg.Associations))
	}
	return a
}

func (p *Proxy) emit(e event.Event) {
	e.Proxy = p.cfg.Name
	p.cfg.Events.Emit(e)
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
