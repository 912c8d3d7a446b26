// Package api speaks Toxiproxy's HTTP API over a set of proxies of ours: the
// same endpoints, statuses, texts, defaults and quirks that its clients rely on,
// and beside them connections, events, triggers, modes and seeds.
//
//	daemon := api.New(api.Config{})
//	err := daemon.Serve(ctx, listener, daemon) // until ctx ends
//
//	c := toxiproxy.NewClient(listener.Addr().String()) // Toxiproxy's own client
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
	"sync/atomic"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/link"
	"github.com/sockharness/harness/harness/proxy"
	"github.com/sockharness/harness/harness/seed"
	"github.com/sockharness/harness/harness/tlsconn"
)

// A Config says what a daemon is to be.
type Config struct {
	Seed           int64              // of everything random on proxies that have no seed of their own
	Events         event.Sink         // gets the events of all proxies, [event.Bytes] excepted; nil: nobody listens
	ByteEvents     bool               // it gets those too
	Record         func(link.Passage) // is told of all that passes the sockets of all proxies, whose streams that takes off the fast path; nil: nobody is
	ProxyMetrics   bool               // serve metrics of proxies and connections at /metrics
	RuntimeMetrics bool               // serve those of Go and of the process
	Guard          Guard              // what a request must satisfy; the zero value lets everything pass
	Authority      *tlsconn.Authority // of generated certificates; nil: a new one for each proxy that needs it
	Persist        string             // file that is kept equal to the proxies; "": none
}

// A Daemon is a set of proxies and the [http.Handler] that manages them. Create
// it with [New]; its methods are safe for concurrent use.
type Daemon struct {
	cfg      Config
	chance   seed.Source
	routes   []route
	meter    *metrics
	history  *history
	shared   *proxy.Shared // by all proxies of streams
	past     closedConnections
	records  recordings
	keeper   persister
	ctx      context.Context // ended by Close
	cancel   context.CancelFunc
	retired  sync.WaitGroup // proxies that are being closed
	numbers  atomic.Uint64  // connections so far
	watching atomic.Int32   // live streams that are open
	trimmer  memoryTrimmer
	strays   *strayWatch
	watch    sync.Once // begins with the first connection

	mu      sync.Mutex // guards what follows; never held during I/O
	closed  bool
	members map[string]*managedProxy
	claimed map[string]chan struct{} // names that are being changed; closed when no more
}

// New returns a daemon without proxies.
func New(cfg Config) *Daemon {
	d := &Daemon{cfg: cfg, shared: proxy.NewShared(), chance: seed.New(cfg.Seed), history: newHistory(time.Now()), strays: newStrayWatch(),
		members: map[string]*managedProxy{}, claimed: map[string]chan struct{}{}}
	d.keeper.path = cfg.Persist
	d.meter = newMeter(cfg, d.allProxies)
	d.ctx, d.cancel = context.WithCancel(context.Background())
	d.routes = d.routeTable()
	return d
}

// nextConnection returns the number of a new connection, which no other one has had.
func (d *Daemon) nextConnection() uint64 { return d.numbers.Add(1) }

// finalDrain is how long the end of the daemon lets what was sent arrive.
const finalDrain = time.Second

// Close ends the event streams, stops every proxy, ends its connections by FIN, once
// what was sent before has arrived or a second is over, and waits until all is over.
// It may be called more than once.
func (d *Daemon) Close() error {
	d.cancel()
	d.mu.Lock()
	d.closed = true // nobody claims a name any more
	busy := slices.Collect(maps.Values(d.claimed))
	d.mu.Unlock()
	for _, released := range busy {
		<-released
	}
	d.keeper.saveFinal(d.allViews)
	for _, m := range d.allProxies() {
		m.stopAsync(finalDrain)
	}
	d.retired.Wait()
	d.trimmer.stop()
	return d.shared.Close()
}

// claimName reserves a name while its proxy starts, stops or is replaced, and waits
// until it is free. Release must be called.
func (d *Daemon) claimName(ctx context.Context, name string) (release func(), err error) {
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
			return func() { d.releaseName(name, mine) }, nil
		}
		d.mu.Unlock()
		select {
		case <-busy:
		case <-ctx.Done():
			return nil, &failure{Message: "proxy is being changed by another request", Status: http.StatusServiceUnavailable}
		case <-d.ctx.Done():
			return nil, errShutDown
		}
	}
}

func (d *Daemon) releaseName(name string, mine chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.claimed, name)
	close(mine)
}

// findProxy returns the proxy of that name.
func (d *Daemon) findProxy(name string) (*managedProxy, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if m := d.members[name]; m != nil {
		return m, nil
	}
	return nil, errProxyNotFound
}

// listProxy puts the proxy under its name, in the place of the one before. The name
// must be claimed.
func (d *Daemon) listProxy(m *managedProxy) {
	d.mu.Lock()
	d.members[m.name] = m
	d.mu.Unlock()
	m.announceAdded()
}

func (d *Daemon) unlistProxy(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.members, name)
}

// ListenAddresses returns where the proxies listen, by their names.
func (d *Daemon) ListenAddresses() map[string]string {
	addresses := map[string]string{}
	for _, m := range d.allProxies() {
		addresses[m.name] = m.currentSpec().listen
	}
	return addresses
}

// allProxies returns the proxies that there are, in no order.
func (d *Daemon) allProxies() []*managedProxy {
	d.mu.Lock()
	defer d.mu.Unlock()
	list := make([]*managedProxy, 0, len(d.members))
	for _, m := range d.members {
		list = append(list, m)
	}
	return list
}
