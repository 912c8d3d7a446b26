// Package api speaks Toxiproxy's HTTP API over a set of proxies of ours: the
// same endpoints, statuses, texts, defaults and quirks that its clients rely on,
// and beside them connections, events, triggers, modes and seeds.
//
// Requests are answered from the requested state, which is never locked while a
// proxy starts, stops or waits for a peer: no client, upstream or slow request
// stalls another one.
package api

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/sockharness/harness/harness/chance"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/proxy"
)

// A Config says what a daemon is to be.
type Config struct {
	Seed           int64      // of everything random on proxies that have no seed of their own
	Events         event.Sink // gets the events of all proxies, [event.Bytes] excepted; nil: nobody listens
	ProxyMetrics   bool       // serve metrics of proxies and connections at /metrics
	RuntimeMetrics bool       // serve those of Go and of the process
	Guard          Guard
	Authority      *proxy.Authority // of generated certificates; nil: a new one for each proxy that needs it
	Persist        string           // file that is kept equal to the proxies; "": none
}

// A Daemon is a set of proxies and the [http.Handler] that manages them. Create
// it with [New]; its methods are safe for concurrent use.
type Daemon struct {
	cfg     Config
	chance  chance.Source
	routes  []route
	meter   *meter
	stream  *stream
	keeper  keeper
	ctx     context.Context // ended by Close
	cancel  context.CancelFunc
	retired sync.WaitGroup // proxies that are being closed

	mu      sync.Mutex // guards what follows; never held during I/O
	closed  bool
	members map[string]*member
	claimed map[string]chan struct{} // names that are being changed; closed when no more
}

// New returns a daemon without proxies.
func New(cfg Config) *Daemon {
	d := &Daemon{cfg: cfg, chance: chance.New(cfg.Seed), stream: newStream(time.Now()),
		members: map[string]*member{}, claimed: map[string]chan struct{}{}}
	d.keeper.path = cfg.Persist
	d.meter = newMeter(cfg, d.all)
	d.ctx, d.cancel = context.WithCancel(context.Background())
	d.routes = d.table()
	return d
}

// Close ends the event streams, stops every proxy, ends its connections by FIN
// and waits until all is over. It may be called more than once.
func (d *Daemon) Close() error {
	d.cancel()
	d.mu.Lock()
	d.closed = true // nobody claims a name any more
	busy := slices.Collect(maps.Values(d.claimed))
	d.mu.Unlock()
	for _, released := range busy {
		<-released
	}
	d.keeper.finish(d.views)
	for _, m := range d.all() {
		m.retire()
	}
	d.retired.Wait()
	return nil
}

// claim reserves a name while its proxy starts, stops or is replaced, and waits
// for whoever has it. Release must be called.
func (d *Daemon) claim(ctx context.Context, name string) (release func(), err error) {
	for {
		d.mu.Lock()
		if d.closed {
			d.mu.Unlock()
			return nil, errShutDown
		}
		busy := d.claimed[name]
		if busy == nil {
			mine := make(chan struct{})
			d.claimed[name] = mine
			d.mu.Unlock()
			return func() { d.release(name, mine) }, nil
		}
		d.mu.Unlock()
		select {
		case <-busy:
		case <-ctx.Done():
			return nil, &failure{"proxy is being changed by another request", http.StatusServiceUnavailable}
		case <-d.ctx.Done():
			return nil, errShutDown
		}
	}
}

func (d *Daemon) release(name string, mine chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.claimed, name)
	close(mine)
}

// find returns the proxy of that name.
func (d *Daemon) find(name string) (*member, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if m := d.members[name]; m != nil {
		return m, nil
	}
	return nil, errProxyNotFound
}

// list puts the proxy under its name, in the place of the one before. The name
// must be claimed.
func (d *Daemon) list(m *member) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.members[m.name] = m
}

func (d *Daemon) unlist(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.members, name)
}

// all returns the proxies that there are, in no order.
func (d *Daemon) all() []*member {
	d.mu.Lock()
	defer d.mu.Unlock()
	list := make([]*member, 0, len(d.members))
	for _, m := range d.members {
		list = append(list, m)
	}
	return list
}
