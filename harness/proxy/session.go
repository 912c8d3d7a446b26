package proxy

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/link"
	"github.com/sockharness/harness/harness/seed"
	"github.com/sockharness/harness/harness/sock"
)

// A session is one proxied connection: a client, the upstream that was dialled
// for it, and the two links between them.
type session struct {
	proxy          *Proxy
	id             uint64   // in events
	number         uint64   // on its proxy, from 1
	upstreams      []string // the upstreams when it was accepted; shared
	client         *link.Side
	since          time.Time
	halfCloseTimer halfCloseTimer
	parking        parking
	countBytes     atomic.Bool // somebody waits for bytes
	inLoop         atomic.Pointer[loopSession]
	shared         sharedState
	linkRoom       [2]link.Link // where the links are, once they are there

	emitting sync.Mutex // held while an event is handed on, so that none comes after the last one

	mu      sync.Mutex // guards what follows
	server  *link.Side // nil until the upstream is dialled
	links   [2]*link.Link
	outcome link.Outcome
	ended   event.Event // the first ending; no Kind: there was none
	struck  []string    // toxics that have, each once
	texts   *[2]string  // addresses of the client and the server, once somebody has asked; nil: nobody has
	over    bool        // the last event was handed on
	own     []Toxic     // that no other connection has; guarded by the proxy's mutex instead
	record  *Recording  // of what its peers send, nil: none; guarded by the proxy's mutex instead

	cancels    []context.CancelFunc // of what is under way
	terminated bool                 // somebody asked for the end
	reset      bool                 // by a reset

	happened []event.Kind // each once, at first in kindRoom
	kindRoom [6]event.Kind
	awaited  map[event.Kind]chan struct{}
}

// begin makes a zero session that of a client, with the next number.
func (s *session) begin(p *Proxy, number uint64, client *link.Side) {
	s.proxy, s.id, s.number, s.client, s.since = p, number, number, client, time.Now()
	if p.cfg.NewID != nil {
		s.id = p.cfg.NewID()
	}
	s.happened = s.kindRoom[:0]
}

// chance is the source of what is random on this connection.
func (s *session) chance() seed.Source { return s.proxy.cfg.Seed.SplitN(s.number) }

// runSession serves the client: until both sides are closed, and the toxics are gone.
func (s *session) runSession() {
	s.emitAccept()
	s.dialAndServe()
}

// emitAccept says that the client was accepted.
func (s *session) emitAccept() {
	s.recordOpened(event.Accept, event.Client, s.client.Conn)
	s.emitEvent(event.Event{Kind: event.Accept, Side: event.Client, Detail: s.addrPair(s.client.Conn.RemoteAddr, s.client.Conn.LocalAddr)})
}

// dialAndServe dials the upstream, and serves the client once it is announced.
func (s *session) dialAndServe() {
	if err := s.handshakeClient(); err != nil {
		s.rejectClient(err, FailClose)
		s.proxy.removeSession(s)
		s.emitClose("no TLS with the client")
		return
	}
	server, err := s.dialUpstream()
	if err != nil {
		s.dialFailed(err)
		return
	}
	s.serveDialled(server)
}

// serveDialled serves the client, once both sides are connected.
func (s *session) serveDialled(server *link.Side) {
	s.connectLinks(server)
	if !s.enterLoop() {
		s.proxy.wg.Go(s.serveConnected) // in a goroutine that has not got the stack of a dial
	}
}

// dialFailed ends the session of a client whose upstream could not be dialled.
func (s *session) dialFailed(err error) {
	s.emitEvent(dialFailure(err, ""))
	s.rejectClient(err, s.proxy.cfg.UpstreamDown)
	s.proxy.removeSession(s)
	s.emitClose("the upstream could not be dialled")
}

// dialFailure is the event of a dial that has failed. What comes next is said behind it.
func dialFailure(err error, next string) event.Event {
	return event.Event{Kind: event.DialFailed, Side: event.Server, Ending: dialEnding(err), Errno: sock.ErrnoName(err), Detail: err.Error() + next}
}

// dialEnding says what a failed dial has met.
func dialEnding(err error) event.Ending {
	var timeout net.Error
	switch {
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ENOENT):
		return event.Refused
	case errors.Is(err, syscall.ECONNRESET):
		return event.Reset
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return event.Unreachable
	case errors.As(err, &timeout) && timeout.Timeout():
		return event.Timeout
	}
	return event.Open
}

// serveConnected carries what comes, once both sides are connected.
func (s *session) serveConnected() {
	outcome := s.carryLinks()
	if outcome == link.Parked {
		if s.enterLoop() {
			s.proxy.shared.loops.takenBack.Add(1)
			return
		}
		s.proxy.wg.Go(s.serveConnected)
		return
	}
	s.closeBoth(outcome)
	s.proxy.removeSession(s)
	s.awaitToxics()
	s.emitClose(outcome.String())
	for _, l := range s.links {
		l.WaitGoroutines()
	}
}

// carryLinks runs both links until the connection is over, and says what has ended
// it: the first that was not merely stopped.
func (s *session) carryLinks() link.Outcome {
	ctx, cancel := s.scope()
	defer cancel()
	s.halfCloseTimer = halfCloseTimer{session: s, limit: s.proxy.cfg.HalfCloseIdle, over: cancel}
	defer s.halfCloseTimer.stopChecks()
	s.parking.open()
	defer s.parking.shut()
	run := func(d event.Direction) {
		o := s.links[d].RunStream(ctx)
		for o == link.Parked && !s.parking.arrive(ctx) {
			o = s.links[d].RunStream(ctx)
		}
		if o == link.Parked {
			return
		}
		s.parking.shut()
		if s.setOutcome(o) != link.Ended {
			cancel()
		}
	}
	var other sync.WaitGroup
	other.Go(func() { run(event.Upstream) })
	run(event.Downstream)
	other.Wait()
	if s.parking.isComplete() {
		return link.Parked
	}
	return s.finalOutcome()
}
