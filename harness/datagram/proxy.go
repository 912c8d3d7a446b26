package datagram

import (
	"context"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/lifetime"
)

// A Proxy is a proxy of datagrams that runs, or has run. Create it with [New];
// its methods are safe for concurrent use.
type Proxy struct {
	cfg     Config
	made    time.Time
	table   *table
	port    port
	buffers buffers

	life   *lifetime.Lifetime // it runs when Start has set what follows
	ctx    context.Context    // of everything that runs
	cancel context.CancelFunc

	ends sync.WaitGroup // every goroutine

	editing sync.Mutex // held while toxics go to the associations, or one is made

	mu     sync.Mutex // guards what follows
	toxics []Toxic
}

// New returns a proxy that is not running yet. It reports a mistake in the
// configuration.
func New(cfg Config) (*Proxy, error) {
	cfg = cfg.withDefaults()
	toxics, err := checkToxics(cfg.Toxics)
	if err != nil {
		return nil, fmt.Errorf("proxy %s: %w", cfg.Name, err)
	}
	if cfg.Mode > BlackHole {
		return nil, fmt.Errorf("proxy %s: there is no %v", cfg.Name, cfg.Mode)
	}
	p := &Proxy{cfg: cfg, made: time.Now(), table: newTable(cfg.Associations, cfg.Idle), toxics: toxics, life: lifetime.New()}
	p.port.proxy = p
	p.port.wanted.storeMode(cfg.Mode)
	return p, nil
}

// Start binds the port and serves until Close. The context is of the start alone: the
// proxy outlives it. A proxy is started once; when that fails, it is closed.
func (p *Proxy) Start(ctx context.Context) error {
	if !p.life.Begin() {
		return fmt.Errorf("proxy %s: started or closed before", p.cfg.Name)
	}
	p.ctx, p.cancel = context.WithCancel(context.WithoutCancel(ctx))
	err := ctx.Err()
	if err == nil {
		err = p.port.openPort(p.cfg.Listen)
	}
	if err != nil {
		p.cancel()
		p.life.Abandon()
		return fmt.Errorf("proxy %s: %w", p.cfg.Name, err)
	}
	p.ends.Go(func() { p.table.expireIdle(p.ctx, p.made) })
	p.life.Run()
	if err := p.port.applyMode(); err != nil {
		_ = p.Close()
		return fmt.Errorf("proxy %s: %w", p.cfg.Name, err)
	}
	return nil
}

// Addr returns the address that clients send to, or nil before Start.
func (p *Proxy) Addr() net.Addr { return p.port.localAddr() }

// SetMode says what becomes of datagrams from now on.
func (p *Proxy) SetMode(m Mode) error {
	if err := p.port.setMode(m); err != nil {
		return fmt.Errorf("proxy %s: %w", p.cfg.Name, err)
	}
	return nil
}

// Mode returns the mode that was asked for.
func (p *Proxy) Mode() Mode { return p.port.requestedMode() }

// SetToxics replaces the toxics of all associations. A toxic that was there
// before and is there again goes on with what it has counted and held; one that
// is another begins anew. What a toxic holds that is gone passes at once through
// those behind it.
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
	for _, a := range p.table.allSorted() {
		a.updateToxics(list)
	}
	return nil
}

// Toxics returns a copy of the list of toxics.
func (p *Proxy) Toxics() []Toxic {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.toxics)
}

// Served returns how many associations there were so far, those before the first of
// this proxy included, see [Config.Served].
func (p *Proxy) Served() uint64 { return p.cfg.Served + p.table.made() }

// TotalTraffic returns what the proxy has carried so far in one direction, for all
// clients, those included whose associations are over.
func (p *Proxy) TotalTraffic(d event.Direction) Traffic { return p.table.carriedTraffic(d) }

// Close gives the port back and ends every association. What is held is lost. It
// returns when all is over, and may be called more than once.
func (p *Proxy) Close() error {
	p.life.Close(p.closeAll)
	return nil
}

// closeAll does the work of Close.
func (p *Proxy) closeAll() {
	p.cancel()
	p.port.closePort()
	p.editing.Lock() // no association is being made
	open := p.table.allSorted()
	p.editing.Unlock()
	for _, a := range open {
		a.endAssociation("", "the proxy was closed")
	}
	p.ends.Wait()
}

// WaitClosed blocks until the proxy was closed and all is over.
func (p *Proxy) WaitClosed() { p.life.WaitClosed() }

// carryFromClient carries a datagram of a client, whose bytes it does not keep.
func (p *Proxy) carryFromClient(payload []byte, k key) {
	for recorded := false; p.ctx.Err() == nil; {
		a := p.table.findKey(k)
		if a == nil {
			a = p.newAssociation(k)
		}
		if a == nil {
			return
		}
		a.noteActivity()
		if !recorded {
			a.recordClient(a.recordTime(), payload, false)
			recorded = true
		}
		if a.links[event.Upstream].carryDatagram(payload) {
			return
		}
		<-a.gone
	}
}

// newAssociation makes the association of a client that has none; nil when the proxy
// is being closed.
func (p *Proxy) newAssociation(k key) *association {
	p.editing.Lock()
	defer p.editing.Unlock()
	if p.ctx.Err() != nil {
		return nil
	}
	list := p.Toxics()
	a, evicted := p.table.addKey(k, func(id uint64) *association {
		a := newAssociation(p, id, k, list)
		// Before anybody can end it, so that its end does not come first.
		a.emitEvent(event.Event{Kind: event.Accept, Side: event.Client, Detail: k.client.String() + " to " + p.port.localAddr().String()})
		return a
	})
	p.ends.Go(a.runAssociation)
	if evicted != nil {
		evicted.endAssociation(event.Expire, fmt.Sprintf("closed for a new client: the maximum is %d associations", p.cfg.Associations))
	}
	return a
}

func (p *Proxy) emitEvent(e event.Event) {
	e.Proxy = p.cfg.Name
	p.cfg.Events.Emit(e)
}
