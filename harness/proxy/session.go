package proxy

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"slices"
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

// closeSession ends the connection as the outcome has it, and forgets it.
func (s *session) closeSession(outcome link.Outcome) {
	s.closeBoth(outcome)
	s.proxy.removeSession(s)
	s.emitClose(outcome.String())
}

// emitClose says that the connection is over.
func (s *session) emitClose(why string) {
	if closed := s.proxy.cfg.Closed; closed != nil {
		c := s.connectionInfo()
		c.Ended, c.Reason = time.Now(), why
		closed(c)
	}
	s.emitEvent(event.Event{Kind: event.Close, Detail: why})
}

// addrPair says who is connected to whom, if somebody wants to know.
func (s *session) addrPair(from, to func() net.Addr) string {
	if s.proxy.cfg.Events == nil {
		return ""
	}
	return sock.FormatAddress(from()) + " to " + sock.FormatAddress(to())
}

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

// connectLinks makes the links, with the chains that are wanted at that moment.
func (s *session) connectLinks(server *link.Side) {
	p := s.proxy
	p.mu.Lock()
	defer p.mu.Unlock()
	if s.record == nil && p.cfg.Keep != nil {
		s.record = p.cfg.Keep(s.id)
	}
	list := p.toxicsLocked()
	up, down := &s.linkRoom[event.Upstream], &s.linkRoom[event.Downstream]
	up.Begin(s.linkConfig(event.Upstream, s.client, server), s.directionStages(list, event.Upstream))
	down.Begin(s.linkConfig(event.Downstream, server, s.client), s.directionStages(list, event.Downstream))
	link.Join(up, down)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.server, s.links = server, [2]*link.Link{event.Upstream: up, event.Downstream: down}
}

// linkConfig returns the configuration of the link of one direction.
func (s *session) linkConfig(d event.Direction, from, to *link.Side) link.Config {
	p := s.proxy
	c := link.Config{Direction: d, Conn: s.id, Source: from, Dest: to, Pool: &p.shared.pool, Diag: p.diag, Patience: &p.cfg.Patience, Record: p.cfg.Record, Owner: (*linkOwner)(s)}
	if p.cfg.Tap != nil {
		c.Tap = p.cfg.Tap(s.number, d)
	}
	return c
}

// directionStages returns the toxics that this connection has in one direction.
func (s *session) directionStages(list []Toxic, d event.Direction) (stages []link.Stage) {
	served := s.proxy.cfg.Served + s.number
	if len(s.own) > 0 {
		list = slices.Concat(list, s.own)
	}
	if s.record != nil {
		stages = append(stages, link.Stage{Name: recordingStage, Toxic: s.record.streams[d]})
	}
	for _, t := range list {
		if t.Direction == d && t.appliesTo(served) && s.isSelected(t) {
			stages = append(stages, link.Stage{Name: t.Name, Toxic: t.Toxic, BufferSize: t.BufferSize})
		}
	}
	return stages
}

// isSelected reports whether the connection is among those that have the toxic. It
// says the same each time, until the toxicity is another.
func (s *session) isSelected(t Toxic) bool {
	if t.Toxicity >= 1 {
		return true
	}
	source := s.chance()
	if t.Seed != nil {
		source = t.Seed.SplitN(s.number)
	}
	return source.SplitBy(t.Name).NewRand().Float64() < t.Toxicity
}

func (s *session) toxicRand(toxic string) *rand.Rand {
	return s.chance().SplitBy(toxic).SplitBy("wire").NewRand()
}

// updateChains hands the links the chains that are wanted now.
func (s *session) updateChains(list []Toxic) {
	for d, l := range s.bothLinks() {
		if l != nil {
			l.UpdateChain(s.directionStages(list, event.Direction(d)))
		}
	}
}

func (s *session) checkSources() {
	links := s.bothLinks()
	if links[0] == nil {
		return
	}
	for _, l := range links {
		l.CheckSource()
	}
	if s.inLoop.Load() == nil {
		s.parking.considerReturn(s, links)
	}
}

// bothLinks returns the links, which are nil until the upstream is dialled.
func (s *session) bothLinks() [2]*link.Link {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.links
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

// emitEvent takes the events of the session, and tells those who wait for one. After
// [event.Close] nothing strikes any more.
func (s *session) emitEvent(e event.Event) {
	e.Conn = s.id
	s.emitting.Lock()
	defer s.emitting.Unlock()
	if s.over && e.Kind == event.Struck {
		return
	}
	s.over = s.over || e.Kind == event.Close
	s.mu.Lock()
	switch e.Kind {
	case event.FIN, event.RST:
		if e.First = s.ended.Kind == ""; e.First {
			s.ended = e
		}
	case event.Struck:
		if !slices.Contains(s.struck, e.Toxic) {
			s.struck = append(s.struck, e.Toxic)
		}
	}
	s.markLocked(e.Kind)
	s.mu.Unlock()
	s.proxy.emitEvent(e)
}

func (s *session) noteBytes(e event.Event) {
	if s.proxy.cfg.Events != nil {
		e.Conn = s.id
		s.proxy.emitEvent(e)
	}
	if s.countBytes.Load() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.markLocked(event.Bytes)
	}
}

// waitEvent returns a channel that is closed once an event of the kind has happened.
func (s *session) waitEvent(k event.Kind) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	signal := s.awaited[k]
	if signal == nil {
		signal = make(chan struct{})
		if s.awaited == nil {
			s.awaited = map[event.Kind]chan struct{}{}
		}
		s.awaited[k] = signal
		if slices.Contains(s.happened, k) {
			close(signal)
		}
	}
	if k == event.Bytes {
		s.countBytes.Store(true)
		for _, l := range s.links {
			if l != nil && l.SentBytes() > 0 {
				s.markLocked(k)
			}
		}
	}
	return signal
}

// markLocked keeps that an event of the kind has happened.
func (s *session) markLocked(k event.Kind) {
	if slices.Contains(s.happened, k) {
		return
	}
	s.happened = append(s.happened, k)
	if signal := s.awaited[k]; signal != nil {
		close(signal)
	}
}
