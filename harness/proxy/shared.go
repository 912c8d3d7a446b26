package proxy

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/sockharness/harness/harness/link"
	"github.com/sockharness/harness/harness/sock"
)

// A Shared is what proxies of one process can have in common: the threads that carry
// their connections, the buffers, the clock and the descriptors for these. An idle
// proxy costs its port then and little else. Give it to [Config.Shared]; a proxy
// without one has its own. Create it with [NewShared]; it is safe for concurrent use.
type Shared struct {
	pool  link.Pool
	loops loops

	ctx    context.Context // of everything that runs
	cancel context.CancelFunc
	wg     sync.WaitGroup // every goroutine
	opened chan struct{}  // has room for one note that a connection was opened

	mu      sync.Mutex // guards what follows
	started bool
	closed  bool
	asked   bool       // for what follows
	diag    *sock.Diag // nil: not opened yet, or this system cannot tell
	proxies []*Proxy   // that run
}

// NewShared returns what proxies can share. It holds nothing until the first of them
// starts. The caller closes it after the proxies.
func NewShared() *Shared {
	s := &Shared{opened: make(chan struct{}, 1)}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.loops.shared = s
	return s
}

// Close ends the threads and gives the descriptors back. The proxies must have been
// closed. It may be called more than once.
func (s *Shared) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.cancel()
	s.loops.wakeAll()
	s.wg.Wait()
	s.pool.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.diag != nil {
		_ = s.diag.Close()
	}
	return nil
}

// addProxy begins to serve a proxy, and returns what asks the kernel about its peers.
func (s *Shared) addProxy(p *Proxy) *sock.Diag {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.started && !s.closed {
		s.started = true
		s.loops.startFirst()
		s.wg.Go(s.checkSources)
	}
	s.proxies = append(s.proxies, p)
	if p.cfg.Diag != nil {
		return p.cfg.Diag
	}
	if s.diag == nil && !s.asked {
		s.diag, _ = sock.OpenDiag()
		s.asked = true
	}
	return s.diag
}

func (s *Shared) removeProxy(p *Proxy) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.Index(s.proxies, p); i >= 0 {
		last := len(s.proxies) - 1
		s.proxies[i], s.proxies[last] = s.proxies[last], nil
		s.proxies = s.proxies[:last]
	}
	if len(s.proxies) == 0 {
		s.proxies = nil
	}
}

// checkPeriod is how often stalled connections are checked for a reset, of which
// the kernel gives no event as long as nobody reads.
const checkPeriod = 100 * time.Millisecond

// checkSources checks them until all is closed. While there is no connection it
// sleeps: thousands of idle proxies in one process cost nothing.
func (s *Shared) checkSources() {
	tick := time.NewTicker(checkPeriod)
	defer tick.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-tick.C:
		}
		s.loops.tickAll()
		if s.checkAll() > 0 {
			continue
		}
		tick.Stop()
		select {
		case <-s.ctx.Done():
			return
		case <-s.opened:
			tick.Reset(checkPeriod)
		}
	}
}

// noteOpened says that there is a connection.
func (s *Shared) noteOpened() {
	select {
	case s.opened <- struct{}{}:
	default:
	}
}

// checkAll checks the connections of all proxies, and returns how many there are.
func (s *Shared) checkAll() (n int) {
	s.mu.Lock()
	proxies := slices.Clone(s.proxies)
	s.mu.Unlock()
	for _, p := range proxies {
		n += p.checkSources()
	}
	return n
}

// checkSources checks the connections of one proxy.
func (p *Proxy) checkSources() int {
	p.mu.Lock()
	var open []*session
	if len(p.sessions) > 0 {
		open = p.openLocked()
	}
	p.mu.Unlock()
	for _, s := range open {
		s.checkSources()
	}
	return len(open)
}
