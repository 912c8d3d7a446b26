package proxy

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/sockharness/harness/harness/chance"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/link"
	"github.com/sockharness/harness/harness/sock"
)

// A session is one proxied connection: a client, the upstream that was dialled
// for it, and the two links between them.
type session struct {
	proxy   *Proxy
	id      uint64
	client  *link.Side
	since   time.Time
	chance  chance.Source
	counted atomic.Bool // somebody waits for bytes
	meeting meeting

	mu       sync.Mutex // guards what follows
	server   *link.Side // nil until the upstream is dialled
	links    [2]*link.Link
	ended    bool // an ending has happened
	happened map[event.Kind]*happening
}

type happening struct {
	done   bool
	signal chan struct{}
}

func newSession(p *Proxy, id uint64, c link.Conn) *session {
	return &session{proxy: p, id: id, client: link.NewSide(event.Client, p.tls.server(c)), since: time.Now(),
		chance: p.cfg.Seed.SplitN(id), happened: map[event.Kind]*happening{}}
}

// run serves the client until both sides are closed, and waits for the toxics.
func (s *session) run() {
	s.emit(event.Event{Kind: event.Accept, Side: event.Client,
		Detail: sock.FormatAddress(s.client.Conn.RemoteAddr()) + " to " + sock.FormatAddress(s.client.Conn.LocalAddr())})
	if err := s.greet(); err != nil {
		s.turnAway(err, DownClose)
		s.proxy.drop(s)
		s.emit(event.Event{Kind: event.Close, Detail: "no TLS with the client"})
		return
	}
	server, err := s.dial()
	if err != nil {
		s.emit(event.Event{Kind: event.Dial, Side: event.Server, Detail: err.Error()})
		s.turnAway(err, s.proxy.cfg.UpstreamDown)
		s.proxy.drop(s)
		s.emit(event.Event{Kind: event.Close, Detail: "the upstream could not be dialled"})
		return
	}
	s.connect(server)
	outcome := s.carry()
	s.end(outcome)
	s.proxy.drop(s)
	s.emit(event.Event{Kind: event.Close, Detail: outcome.String()})
	for _, l := range s.links {
		l.Wait()
	}
}

// turnAway ends the client's connection that cannot be served.
func (s *session) turnAway(err error, how Down) {
	s.emit(event.Event{Kind: event.Refuse, Side: event.Proxy, Detail: err.Error()})
	// A reset can come so soon that the connect fails of it: that is one, too.
	reset := errors.Is(err, syscall.ECONNRESET) || how != DownClose
	if !reset || s.proxy.ctx.Err() != nil {
		s.emit(event.Event{Kind: event.FIN, Direction: event.Downstream, Side: event.Proxy})
		s.shut(s.client)
		return
	}
	s.emit(event.Event{Kind: event.RST, Direction: event.Downstream, Side: event.Proxy})
	_ = sock.Reset(s.client.Conn)
}

// connect makes the links, with the chains that are wanted at that moment.
func (s *session) connect(server *link.Side) {
	p := s.proxy
	p.mu.Lock()
	defer p.mu.Unlock()
	up := link.New(s.config(event.Upstream, s.client, server), s.stages(p.toxics, event.Upstream))
	down := link.New(s.config(event.Downstream, server, s.client), s.stages(p.toxics, event.Downstream))
	link.Join(up, down)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.server, s.links = server, [2]*link.Link{event.Upstream: up, event.Downstream: down}
}

func (s *session) config(d event.Direction, from, to *link.Side) link.Config {
	p := s.proxy
	c := link.Config{Direction: d, Conn: s.id, Source: from, Dest: to, Pool: &p.pool, Diag: p.diag, Patience: p.cfg.Patience,
		Emit: s.emit, Bytes: s.bytes, Happened: s.wait, Shared: s.meeting.get, Rand: s.rand}
	if p.cfg.Tap != nil {
		c.Tap = p.cfg.Tap(s.id, d)
	}
	return c
}

// stages returns the toxics that this connection has in one direction.
func (s *session) stages(list []Toxic, d event.Direction) (stages []link.Stage) {
	for _, t := range list {
		if t.Direction == d && t.covers(s.id) && s.strikes(t) {
			stages = append(stages, link.Stage{Name: t.Name, Toxic: t.Toxic, BufferSize: t.BufferSize})
		}
	}
	return stages
}

// strikes reports whether the connection is among those that have the toxic. It
// says the same each time, until the toxicity is another.
func (s *session) strikes(t Toxic) bool {
	source := s.chance
	if t.Chance != nil {
		source = t.Chance.SplitN(s.id)
	}
	return source.Split(t.Name).Rand().Float64() < t.Toxicity
}

func (s *session) rand(toxic string) *rand.Rand { return s.chance.Split(toxic).Split("wire").Rand() }

// update hands the links the chains that are wanted now.
func (s *session) update(list []Toxic) {
	for d, l := range s.both() {
		if l != nil {
			l.Update(s.stages(list, event.Direction(d)))
		}
	}
}

func (s *session) checkSources() {
	for _, l := range s.both() {
		if l != nil {
			l.CheckSource()
		}
	}
}

// both returns the links, which are nil until the upstream is dialled.
func (s *session) both() [2]*link.Link {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.links
}

// carry runs both links until the connection is over.
func (s *session) carry() link.Outcome {
	ctx, cancel := context.WithCancel(s.proxy.ctx)
	defer cancel()
	outcomes := make(chan link.Outcome, len(s.links))
	for _, l := range s.links {
		go func() { outcomes <- l.Run(ctx) }()
	}
	idle := newIdle(s)
	defer idle.stop()
	var first link.Outcome
	for left := len(s.links); left > 0; {
		select {
		case o := <-outcomes:
			if left--; first == link.Stopped {
				first = o
			}
			if o != link.Ended {
				cancel()
			}
		case <-idle.finished[0]:
			idle.start()
		case <-idle.finished[1]:
			idle.start()
		case <-idle.checks():
			if idle.over() {
				cancel()
			}
		}
	}
	return first
}

// end closes both sides as the outcome has it. Nobody else uses them any more.
func (s *session) end(o link.Outcome) {
	switch o {
	case link.Aborted:
		_ = sock.Reset(s.server.Conn)
		_ = sock.Reset(s.client.Conn)
		return
	case link.Stopped:
		for d, l := range s.links {
			s.emit(event.Event{Kind: event.FIN, Direction: event.Direction(d), Side: event.Proxy, Offset: l.Sent()})
		}
	}
	var other sync.WaitGroup
	other.Go(func() { s.shut(s.server) })
	s.shut(s.client)
	other.Wait()
}

func (s *session) shut(side *link.Side) {
	ctx, cancel := context.WithTimeout(context.Background(), s.proxy.cfg.Grace)
	defer cancel()
	side.Shut(ctx, s.proxy.cfg.Patience.Progress, &s.proxy.pool)
}

// emit takes the events of the session, and tells those who wait for one.
func (s *session) emit(e event.Event) {
	e.Conn = s.id
	s.mu.Lock()
	if e.Kind == event.FIN || e.Kind == event.RST {
		e.First = !s.ended
		s.ended = true
	}
	s.happeningLocked(e.Kind).mark()
	s.mu.Unlock()
	s.proxy.emit(e)
}

func (s *session) bytes(e event.Event) {
	if s.proxy.cfg.Events != nil {
		e.Conn = s.id
		s.proxy.emit(e)
	}
	if s.counted.Load() {
		s.mu.Lock()
		s.happeningLocked(event.Bytes).mark()
		s.mu.Unlock()
	}
}

// wait returns a channel that is closed once an event of the kind has happened.
func (s *session) wait(k event.Kind) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.happeningLocked(k)
	if k == event.Bytes {
		s.counted.Store(true)
		for _, l := range s.links {
			if l != nil && l.Sent() > 0 {
				h.mark()
			}
		}
	}
	return h.signal
}

func (s *session) happeningLocked(k event.Kind) *happening {
	h := s.happened[k]
	if h == nil {
		h = &happening{signal: make(chan struct{})}
		s.happened[k] = h
	}
	return h
}

func (h *happening) mark() {
	if !h.done {
		h.done = true
		close(h.signal)
	}
}
