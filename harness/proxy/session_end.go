package proxy

import (
	"context"
	"errors"
	"sync"
	"syscall"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/link"
	"github.com/sockharness/harness/harness/sock"
)

// rejectClient ends the client's connection that cannot be served.
func (s *session) rejectClient(err error, how UpstreamFailure) {
	s.emitEvent(event.Event{Kind: event.Refuse, Side: event.Proxy, Detail: err.Error()})
	// A reset can come so soon that the connect fails of it: that is one, too.
	reset := errors.Is(err, syscall.ECONNRESET) || how != FailClose
	if s.isTerminated() {
		s.mu.Lock()
		reset = s.reset
		s.mu.Unlock()
	}
	if !reset || s.proxy.ctx.Err() != nil {
		s.emitEvent(event.Event{Kind: event.FIN, Direction: event.Downstream, Side: event.Proxy})
		s.recordEnd(event.FIN, s.client)
		s.shutSide(s.client)
		return
	}
	s.emitEvent(event.Event{Kind: event.RST, Direction: event.Downstream, Side: event.Proxy})
	s.recordEnd(event.RST, s.client)
	_ = sock.ResetConn(s.client.Conn)
}

// lastStrike is how long the last event of a connection waits for toxics that are on
// their way out, and may still have to say what they have done.
const lastStrike = 100 * time.Millisecond

// awaitToxics blocks until the toxics have returned, or have had enough time to.
func (s *session) awaitToxics() {
	if !s.links[0].HadToxics() && !s.links[1].HadToxics() {
		return
	}
	gone := make(chan struct{})
	s.proxy.wg.Go(func() {
		defer close(gone)
		s.links[0].WaitGoroutines()
		s.links[1].WaitGoroutines()
	})
	enough := time.NewTimer(lastStrike)
	defer enough.Stop()
	select {
	case <-gone:
	case <-enough.C:
	}
}

// closeSession ends the connection as the outcome has it, and forgets it. Of a reset nothing
// is left to pass on: it is forgotten before, so that a peer who has seen it, and changes
// the proxy's toxics, changes nothing of this connection.
func (s *session) closeSession(outcome link.Outcome) {
	if outcome == link.Aborted {
		s.proxy.removeSession(s)
	}
	s.closeBoth(outcome)
	if outcome != link.Aborted {
		s.proxy.removeSession(s)
	}
	s.emitClose(outcome.String())
}

// setOutcome keeps the outcome of a link unless another one was first.
func (s *session) setOutcome(o link.Outcome) link.Outcome {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.outcome == link.Stopped {
		s.outcome = o
	}
	return o
}

// closeBoth closes both sides as the outcome has it. Nobody else uses them any more.
func (s *session) closeBoth(o link.Outcome) {
	s.server.CloseUnplugged()
	s.client.CloseUnplugged()
	switch o {
	case link.Aborted:
		s.recordEnd(event.RST, s.server)
		s.recordEnd(event.RST, s.client)
		_, _ = s.server.ResetPeer(), s.client.ResetPeer()
		return
	case link.Stopped:
		for d, l := range s.links {
			if !l.FINSent() {
				s.emitEvent(event.Event{Kind: event.FIN, Direction: event.Direction(d), Side: event.Proxy, Offset: l.SentBytes()})
			}
		}
	}
	s.recordFINs()
	if o == link.Ended && s.hasOnlyEnds() {
		// Nothing is unread and nothing can come: the kernel does the rest.
		_, _ = s.server.Conn.Close(), s.client.Conn.Close()
		return
	}
	var other sync.WaitGroup
	other.Go(func() { s.shutSide(s.server) })
	s.shutSide(s.client)
	other.Wait()
}

// hasOnlyEnds reports whether both peers have ended their streams.
func (s *session) hasOnlyEnds() bool {
	return s.client.PeerEnding() == event.EOF && s.server.PeerEnding() == event.EOF
}

func (s *session) shutSide(side *link.Side) {
	ctx, cancel := context.WithTimeout(context.Background(), s.proxy.cfg.Grace)
	defer cancel()
	side.CloseGracefully(ctx, s.proxy.cfg.Patience.Progress, &s.proxy.shared.pool)
}
