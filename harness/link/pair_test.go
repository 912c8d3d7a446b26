package link

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"syscall"
	"testing"
	"time"

	tp "github.com/Shopify/toxiproxy/v2/toxics"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/sock"
	"github.com/sockharness/harness/toxics/hook"
)

// A pair is both directions of one connection, between two peers that a test plays.
type pair struct {
	t              *testing.T
	log            *event.Log
	up, down       *Link
	client, server *net.TCPConn // the peers' ends
	upEnd, downEnd chan Outcome
}

// newPair runs both links, each with its chain. Change may change the
// configuration of the upstream link.
func newPair(t *testing.T, upstream, downstream []Stage, change func(*Config)) *pair {
	t.Helper()
	p := joinPair(t, upstream, downstream, change)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { p.upEnd <- p.up.RunStream(ctx) })
	running.Go(func() { p.downEnd <- p.down.RunStream(ctx) })
	t.Cleanup(func() {
		cancel()
		running.Wait()
		p.up.WaitGoroutines()
		p.down.WaitGoroutines()
	})
	return p
}

// joinPair makes the links and does not run them.
func joinPair(t *testing.T, upstream, downstream []Stage, change func(*Config)) *pair {
	t.Helper()
	p := &pair{t: t, log: event.NewLog(0), upEnd: make(chan Outcome, 1), downEnd: make(chan Outcome, 1)}
	pool := &Pool{}
	t.Cleanup(pool.Close)
	var fromClient, toServer *net.TCPConn
	fromClient, p.client = tcpPair(t)
	toServer, p.server = tcpPair(t)
	client, server := NewSide(event.Client, fromClient), NewSide(event.Server, toServer)
	diag, err := sock.OpenDiag()
	if err != nil && !errors.Is(err, sock.ErrUnsupported) {
		t.Fatal(err)
	}
	if diag != nil {
		t.Cleanup(func() { _ = diag.Close() })
	}
	up := Config{Direction: event.Upstream, Conn: 7, Source: client, Dest: server, Pool: pool, Owner: keeper(p.log.AddEvent), Diag: diag,
		Patience: &Timeouts{Toxic: time.Second}}
	down := up
	down.Direction, down.Source, down.Dest = event.Downstream, server, client
	if change != nil {
		change(&up)
	}
	p.up, p.down = New(up, upstream), New(down, downstream)
	Join(p.up, p.down)
	return p
}

// A keeper owns links and keeps their events.
type keeper event.Sink

func (k keeper) EmitEvent(e event.Event)             { k(e) }
func (k keeper) NoteBytes(e event.Event)             { k(e) }
func (keeper) WaitKind(event.Kind) <-chan struct{}   { return nil }
func (keeper) GetShared(_ any, fresh func() any) any { return fresh() }
func (keeper) NewRand(string) *rand.Rand             { return rand.New(rand.NewPCG(0, 0)) }
func (keeper) NoteFinish(event.Direction, bool)      {}

// A sharer has something for those who wait and for those who share.
type sharer struct {
	Owner
	happened <-chan struct{}
	shared   any
}

func (s sharer) WaitKind(event.Kind) <-chan struct{} { return s.happened }
func (s sharer) GetShared(any, func() any) any       { return s.shared }

// wantEnd waits for a link's outcome.
func (p *pair) wantEnd(link string, outcomes chan Outcome, want Outcome) {
	p.t.Helper()
	select {
	case got := <-outcomes:
		if got != want {
			p.t.Errorf("the %s link ended with %s, want %s", link, got, want)
		}
	case <-time.After(bound):
		p.t.Fatalf("the %s link did not end, want %s", link, want)
	}
}

func (p *pair) wantEvent(why string, match func(event.Event) bool) event.Event {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), bound)
	defer cancel()
	e, err := p.log.WaitEvent(ctx, match)
	if err != nil {
		p.t.Fatalf("no event: %s; got %+v", why, p.log.AllEvents())
	}
	return e
}

func (p *pair) wantBytes(why string, conn *net.TCPConn, want string) {
	p.t.Helper()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(conn, got); err != nil || string(got) != want {
		p.t.Fatalf("%s: read %q, %v, want %q", why, got, err, want)
	}
}

// An attached toxic is told of its link, and then does what the test wants.
type attached struct {
	pipe func(hook.Link, *tp.ToxicStub)
}

func (a *attached) Pipe(*tp.ToxicStub) { panic("it runs attached only") }

func (a *attached) Attach(l hook.Link) tp.Toxic {
	return toxic(func(s *tp.ToxicStub) { a.pipe(l, s) })
}

func attachedStage(pipe func(hook.Link, *tp.ToxicStub)) []Stage {
	return []Stage{{Name: "attached", Toxic: &attached{pipe}}}
}

// endAfterChunk passes one chunk on and ends the stream behind it.
func endAfterChunk(end hook.EndMode) []Stage {
	return attachedStage(func(l hook.Link, s *tp.ToxicStub) {
		select {
		case c := <-s.Input:
			s.Output <- c
			l.Struck(int64(len(c.Data)), "the end")
			l.End(end)
			s.Close()
		case <-s.Interrupt:
		}
	})
}

// Half-close is one direction's: the other one goes on until its own end, and the
// connection is over only then.
func TestHalfCloseKeepsTheOtherDirection(t *testing.T) {
	for name, upstream := range map[string][]Stage{"splice": nil, "chain": {{Name: "noop", Toxic: &tp.NoopToxic{}}}} {
		t.Run(name, func(t *testing.T) {
			p := newPair(t, upstream, nil, nil)
			_, _ = io.WriteString(p.client, "request")
			_ = p.client.CloseWrite()
			if got, err := io.ReadAll(p.server); string(got) != "request" || err != nil {
				t.Errorf("the server read %q, %v, want the request and FIN", got, err)
			}
			_, _ = io.WriteString(p.server, "reply")
			p.wantBytes("a reply behind the client's FIN", p.client, "reply")
			_ = p.server.CloseWrite()
			p.wantEnd("upstream", p.upEnd, Ended)
			p.wantEnd("downstream", p.downEnd, Ended)
			if got := [2]int64{p.up.SentBytes(), p.down.ReceivedBytes()}; got != [2]int64{7, 5} {
				t.Errorf("counted %v bytes, want 7 upstream and 5 downstream", got)
			}
		})
	}
}

// A reset that comes behind a FIN is still passed on.
func TestResetBehindFIN(t *testing.T) {
	p := newPair(t, nil, nil, nil)
	_, _ = io.WriteString(p.client, "request")
	_ = p.client.CloseWrite()
	if _, err := io.ReadAll(p.server); err != nil {
		t.Fatal(err)
	}
	_ = p.client.SetLinger(0)
	_ = p.client.Close()
	p.wantEnd("upstream", p.upEnd, Aborted)
	<-p.up.src.ResetChan()
	p.wantEvent("RST of the client at byte 7", func(e event.Event) bool {
		return e.Kind == event.RST && e.Side == event.Client && e.Offset == 7 && e.Conn == 7
	})
}

// A toxic says how the connection ends, and the link says that to its owner, once
// what came before has arrived.
func TestEndsOfAttachedToxics(t *testing.T) {
	for end, want := range map[hook.EndMode]Outcome{hook.CloseBoth: Close, hook.Vanish: Close, hook.Reset: Aborted} {
		t.Run(end.String(), func(t *testing.T) {
			p := newPair(t, endAfterChunk(end), nil, nil)
			_, _ = io.WriteString(p.client, "bytes")
			p.wantBytes("what passed before the end", p.server, "bytes")
			p.wantEnd("upstream", p.upEnd, want)
			p.wantEvent("the toxic struck at byte 5", func(e event.Event) bool {
				return e.Kind == event.Struck && e.Toxic == "attached" && e.Offset == 5
			})
		})
	}
}

func TestHalfCloseOfAToxicDiscardsTheRest(t *testing.T) {
	p := newPair(t, endAfterChunk(hook.HalfClose), nil, nil)
	_, _ = io.WriteString(p.client, "bytes")
	if got, err := io.ReadAll(p.server); string(got) != "bytes" || err != nil {
		t.Errorf("the server read %q, %v, want the first chunk and FIN", got, err)
	}
	_, _ = io.WriteString(p.client, "more")
	_, _ = io.WriteString(p.server, "reply")
	p.wantBytes("the other direction lives", p.client, "reply")
	until(t, "what came behind is read", func() bool { return p.up.ReceivedBytes() == 9 })
	if got := p.up.SentBytes(); got != 5 {
		t.Errorf("%d bytes were sent, want the 5 before the end", got)
	}
	_ = p.server.CloseWrite()
	p.wantEnd("downstream", p.downEnd, Ended)
}

// A toxic asks its link for what it needs; an interrupt ends what blocks.
func TestContextOfAttachedToxics(t *testing.T) {
	shared, happened := new(int), make(chan struct{})
	replied := make(chan struct{})
	p := newPair(t, attachedStage(func(l hook.Link, s *tp.ToxicStub) {
		if l.Direction() != event.Upstream || l.Conn() != 7 || l.Context().Err() != nil {
			t.Errorf("got direction %v of connection %d, want upstream of 7", l.Direction(), l.Conn())
		}
		if generator := l.Rand(); l.EventHappened(event.Accept) != happened || l.Rand() != generator {
			t.Error("got another channel or another generator, want those of the configuration")
		}
		if got := l.(hook.SharedState).Shared("key", func() any { return nil }); got != shared {
			t.Errorf("got shared state %v, want that of the configuration", got)
		}
		select {
		case <-l.(hook.ReplyNotifier).ReplyStarted():
			close(replied)
		case <-s.Interrupt:
			return
		}
		new(tp.NoopToxic).Pipe(s)
	}), nil, func(c *Config) { c.Owner = sharer{c.Owner, happened, shared} })
	_, _ = io.WriteString(p.server, "reply")
	p.wantBytes("the reply passes", p.client, "reply")
	<-replied
	_, _ = io.WriteString(p.client, "bytes")
	p.wantBytes("the toxic passes on", p.server, "bytes")
}

// A tap has the first bytes and counts the others; what is recorded is not spliced.
func TestTapRecordsBeforeTheDestination(t *testing.T) {
	tap := NewTap(4)
	p := newPair(t, nil, nil, func(c *Config) { c.Tap = tap })
	_, _ = io.WriteString(p.client, "bytes")
	p.wantBytes("the tap passes on", p.server, "bytes")
	if got, dropped := tap.RecordedBytes(); string(got) != "byte" || dropped != 1 {
		t.Errorf("recorded %q and dropped %d, want \"byte\" and 1", got, dropped)
	}
	if n := p.up.DirectBytes(); n != 0 {
		t.Errorf("%d bytes were spliced past the tap", n)
	}
}

// A side that is closed in order drops what is unread, so that its close is no reset
// and what was written arrives.
func TestCloseGracefully(t *testing.T) {
	own, peer := tcpPair(t)
	pool := &Pool{}
	defer pool.Close()
	side := NewSide(event.Client, own)
	_, _ = io.WriteString(peer, "unread")
	until(t, "the bytes are there", func() bool { n, err := sock.InQueue(own); return n == 6 || err != nil })
	_, _ = io.WriteString(own, "last")
	side.CloseGracefully(context.Background(), bound, pool)
	if got, err := io.ReadAll(peer); string(got) != "last" || err != nil {
		t.Errorf("the peer read %q, %v, want the last bytes and FIN", got, err)
	}
	if _, err := own.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("wrote after the close: %v", err)
	}
}

// A write that fails shows whose connection is gone.
func TestResetOfTheDestinationIsKept(t *testing.T) {
	p := newPair(t, []Stage{{Name: "noop", Toxic: &tp.NoopToxic{}}}, nil, nil)
	_ = p.server.SetLinger(0)
	_ = p.server.Close()
	p.wantEnd("downstream", p.downEnd, Aborted)
	if got := p.up.dst.PeerEnding(); got != event.Reset {
		t.Errorf("the server ended by %q, want a reset", got)
	}
	if !isReset(syscall.ECONNRESET) || isReset(io.EOF) {
		t.Error("an end of file counts as a reset, or a reset does not")
	}
}

func TestOutcomeNames(t *testing.T) {
	for outcome, want := range map[Outcome]string{Stopped: "stopped", Ended: "ended", Aborted: "aborted", Close: "shut"} {
		if got := outcome.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
