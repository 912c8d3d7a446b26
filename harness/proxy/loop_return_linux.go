package proxy

import (
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/link"
)

// sides returns both sides, by the direction that is read from them.
func (s *session) sides() [2]*link.Side {
	s.mu.Lock()
	defer s.mu.Unlock()
	return [2]*link.Side{event.Upstream: s.client, event.Downstream: s.server}
}

// mayLoop reports whether a loop can carry the connection, as far as its sockets go.
func (s *session) mayLoop() bool {
	if s.proxy.shared.loops.first == nil || !s.proxy.canLoop() || s.isTerminated() {
		return false
	}
	for _, side := range s.sides() {
		if _, ok := side.Conn.(*rawConn); !ok || side.IsUnplugged() {
			return false
		}
	}
	return true
}

// enterLoop has a loop carry a connection that no goroutine carries. It returns false when
// that cannot be.
func (s *session) enterLoop() bool {
	if !s.mayLoop() {
		return false
	}
	pair := &loopSession{session: s, loop: s.proxy.shared.loops.first}
	for d, side := range s.sides() {
		if pair.fds[d] = side.Conn.(*rawConn).leavePoller(); pair.fds[d] < 0 {
			return false
		}
	}
	s.mu.Lock()
	s.cancels = nil // nothing is under way
	s.mu.Unlock()
	return pair.loop.takeBack(pair)
}

// ownSocket returns a connection of the proxy's own, in the form that a loop can carry.
func (p *Proxy) ownSocket(c link.Conn) link.Conn {
	if p.shared.loops.first == nil || !p.canLoop() {
		return c
	}
	if raw := newRawConn(c); raw != nil {
		return raw
	}
	return c
}
