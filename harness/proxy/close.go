package proxy

import (
	"context"
	"time"

	"github.com/sockharness/harness/harness/sleep"
)

// How often connections are asked whether there is something left: soon at first, then less often.
const (
	firstPoll = 50 * time.Microsecond
	drainPoll = time.Millisecond
)

// Close stops listening, gives the port back and ends every connection in order, FIN
// to both sides. What clients and servers have sent before arrives first, as far as
// that takes no longer than [Config.Drain]: the connections that wait to be
// accepted, and the bytes and ends that wait to be read. It returns when all is
// over, and may be called more than once. A toxic that does not return within the
// grace is left behind.
func (p *Proxy) Close() error { return p.closeAfter(p.cfg.Drain) }

// CloseNow is [Proxy.Close] without a drain: what was not read yet is dropped.
func (p *Proxy) CloseNow() error { return p.closeAfter(0) }

// CloseWithin is [Proxy.Close] with a drain of at most the given time.
func (p *Proxy) CloseWithin(drain time.Duration) error { return p.closeAfter(drain) }

// Shutdown stops listening, waits until every connection has ended by itself, and
// closes the proxy. When the context ends first it closes the proxy as
// [Proxy.Close] does, and returns the context's error.
func (p *Proxy) Shutdown(ctx context.Context) error {
	if !p.life.IsRunning() {
		return p.Close()
	}
	p.stopAccepting()
	err := p.awaitEmpty(ctx)
	if closed := p.Close(); err == nil {
		err = closed
	}
	return err
}

// WaitIdle blocks until nothing is under way: no client waits to be served, and no
// connection has bytes, FIN or a reset that were sent and not passed on. Connections
// may be open, and toxics may hold something. It returns the context's error when
// that ends first. A proxy that does not run is idle.
func (p *Proxy) WaitIdle(ctx context.Context) error {
	if !p.life.IsRunning() {
		return nil
	}
	return p.awaitIdle(ctx)
}

// closeAfter closes the proxy after a drain of at most the given time.
func (p *Proxy) closeAfter(drain time.Duration) error {
	p.life.Close(func() { p.closeAll(drain) })
	return nil
}

// closeAll does the work of a close.
func (p *Proxy) closeAll(drain time.Duration) {
	if drain > 0 {
		p.stopAccepting()
		ctx, cancel := context.WithTimeout(p.ctx, drain)
		_ = p.awaitIdle(ctx)
		cancel()
	}
	p.stopOutage()
	p.gate.closePort()
	p.cancel()
	if p.numOpen() > 0 {
		p.shared.loops.recheck(p)
	}
	p.wg.Wait()
	p.shared.removeProxy(p)
	if p.cfg.Shared == nil {
		_ = p.shared.Close()
	}
}

// stopAccepting accepts who has connected by now, and nobody any more.
func (p *Proxy) stopAccepting() {
	for _, c := range p.gate.acceptPending() {
		p.serveClient(acceptedConn(c))
	}
	p.gate.closePort()
}

// awaitIdle blocks until nothing is under way, or returns the context's error.
func (p *Proxy) awaitIdle(ctx context.Context) error {
	for pause := firstPoll; !p.isIdle(); pause = min(2*pause, drainPoll) {
		if !sleep.Closely(ctx, pause) {
			return ctx.Err()
		}
	}
	return nil
}

// awaitEmpty blocks until no connection is open and none is being accepted, or returns the
// context's error. The proxy must have stopped accepting.
func (p *Proxy) awaitEmpty(ctx context.Context) error {
	for {
		fewer := p.nextFewer()
		if p.numOpen() == 0 {
			return nil
		}
		select {
		case <-fewer:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// nextFewer returns a channel that is closed when a connection ends, or who might have accepted
// one accepts no more.
func (p *Proxy) nextFewer() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fewer == nil {
		p.fewer = make(chan struct{})
	}
	return p.fewer
}

// noteFewerLocked wakes those who wait for that.
func (p *Proxy) noteFewerLocked() {
	if p.fewer != nil {
		close(p.fewer)
		p.fewer = nil
	}
}

// noteFewer is the same without the lock.
func (p *Proxy) noteFewer() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.noteFewerLocked()
}

func (p *Proxy) numOpen() int {
	n := p.gate.numAccepting()
	p.mu.Lock()
	defer p.mu.Unlock()
	return n + len(p.sessions)
}

// isIdle reports whether nothing is under way.
func (p *Proxy) isIdle() bool {
	if p.gate.numAccepting() > 0 {
		return false
	}
	p.mu.Lock()
	open := p.openLocked()
	p.mu.Unlock()
	for _, s := range open {
		if s.hasUnread() {
			return false
		}
	}
	return true
}

// hasUnread reports whether one of the peers has sent something that was not passed on.
// A client whose upstream is being dialled has, once it has sent anything.
func (s *session) hasUnread() bool {
	links := s.bothLinks()
	if links[0] == nil {
		return s.client.HasUnread(0)
	}
	return links[0].HasUnread() || links[1].HasUnread()
}
