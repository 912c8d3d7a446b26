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
	to      []string // the upstreams when it was accepted; shared
	client  *link.Side
	since   time.Time
	chance  chance.Source
	idle    idle
	counted atomic.Bool // somebody waits for bytes
	meeting meeting

	mu       sync.Mutex // guards what follows
	server   *link.Side // nil until the upstream is dialled
	links    [2]*link.Link
	outcome  link.Outcome
	ended    bool         // an ending has happened
	happened []event.Kind // each once
	awaited  map[event.Kind]chan struct{}
}

func newSession(p *Proxy, id uint64, c link.Conn) *session {
	return &session{proxy: p, id: id, client: link.NewSide(event.Client, p.tls.server(c)), since: time.Now(),
		chance: p.cfg.Seed.SplitN(id)}
}

// run serves the client: until both sides are closed, and the toxics are gone.
func (s *session) run() {
	s.announce()
	s.reach()
}

// announce says that the client was accepted.
func (s *session) announce() {
	s.emit(event.Event{Kind: event.Accept, Side: event.Client, Detail: s.between(s.client.Conn.RemoteAddr, s.client.Conn.LocalAddr)})
}

// reach dials the upstream, and serves the client once it is announced.
func (s *session) reach() {
	if err := s.greet(); err != nil {
		s.turnAway(err, DownClose)
		s.proxy.drop(s)
		s.emit(event.Event{Kind: event.Close, Detail: "no TLS with the client"})
		return
	}
	server, err := s.dial()
	if err != nil {
		s.giveUp(err)
		return
	}
	s.connect(server)
	s.proxy.ends.Go(s.proceed) // in a goroutine that has not got the stack of a dial
}

// giveUp ends the session of a client whose upstream could not be dialled.
func (s *session) giveUp(err error) {
	s.emit(event.Event{Kind: event.Dial, Side: event.Server, Detail: err.Error()})
	s.turnAway(err, s.proxy.cfg.UpstreamDown)
	s.proxy.drop(s)
	s.emit(event.Event{Kind: event.Close, Detail: "the upstream could not be dialled"})
}

// proceed carries what comes, once both sides are connected.
func (s *session) proceed() {
	s.close(s.carry())
	for _, l := range s.links {
		l.Wait()
	}
}

// close ends the connection as the outcome has it, and forgets it.
func (s *session) close(outcome link.Outcome) {
	s.end(outcome)
	s.proxy.drop(s)
	s.emit(event.Event{Kind: event.Close, Detail: outcome.String()})
}

// between says who is connected to whom, if somebody wants to know.
func (s *session) between(from, to func() net.Addr) string {
	if s.proxy.cfg.Events == nil {
		return ""
	}
	return sock.FormatAddress(from()) + " to " + sock.FormatAddress(to())
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
		Emit: s.emit, Bytes: s.bytes, Happened: s.wait, Shared: s.meeting.get, Rand: s.rand, Finished: s.idle.start}
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
	if t.Toxicity >= 1 {
		return true
	}
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

// carry runs both links until the connection is over, and says what has ended
// it: the first that was not merely stopped.
func (s *session) carry() link.Outcome {
	ctx, cancel := context.WithCancel(s.proxy.ctx)
	defer cancel()
	s.idle = idle{session: s, limit: s.proxy.cfg.HalfCloseIdle, over: cancel}
	defer s.idle.stop()
	run := func(d event.Direction) {
		if s.settle(s.links[d].Run(ctx)) != link.Ended {
			cancel()
		}
	}
	var other sync.WaitGroup
	other.Go(func() { run(event.Upstream) })
	run(event.Downstream)
	other.Wait()
	return s.outcome
}

// settle keeps the outcome of a link unless another one was first.
func (s *session) settle(o link.Outcome) link.Outcome {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.outcome == link.Stopped {
		s.outcome = o
	}
	return o
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
	if o == link.Ended && s.client.Ending() == event.EOF && s.server.Ending() == event.EOF {
		// Nothing is unread and nothing can come: the kernel does the rest.
		_, _ = s.server.Conn.Close(), s.client.Conn.Close()
		return
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
	s.markLocked(e.Kind)
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
		defer s.mu.Unlock()
		s.markLocked(event.Bytes)
	}
}

// wait returns a channel that is closed once an event of the kind has happened.
func (s *session) wait(k event.Kind) <-chan struct{} {
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
		s.counted.Store(true)
		for _, l := range s.links {
			if l != nil && l.Sent() > 0 {
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
