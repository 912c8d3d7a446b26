package explore

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/sock"
	"github.com/sockharness/harness/toxics/hook"
)

// A listener plays the server of a dialogue to the connections of one client process.
type listener struct {
	script *dialogue.Script
	diag   *sock.Diag
	point  *Point
	heal   time.Duration // how long a stall lasts that heals
	port   *sock.Port

	began   time.Time
	logs    bool
	tasks   sync.WaitGroup
	cancel  context.CancelFunc
	waiting atomic.Int32 // connections on which nothing is under way from our side
	open    atomic.Int32

	mu       sync.Mutex // guards what follows
	conns    []net.Conn
	accepted int
	reached  bool
	complete bool // one connection was played to its end
	wrong    string
	blind    bool
	upstream []byte // what the first connection has sent
	log      []moment
}

// startListener takes a port and plays the server to whoever connects. The caller must
// close it.
func startListener(ctx context.Context, s *dialogue.Script, diag *sock.Diag, p *Point, heal time.Duration, logs bool) (*listener, error) {
	port, err := sock.BindPort("127.0.0.1:0", hook.SocketLimits{})
	if err != nil {
		return nil, err
	}
	l := &listener{script: s, diag: diag, point: p, heal: heal, port: port, logs: logs, began: time.Now()}
	ctx, l.cancel = context.WithCancel(ctx)
	if p != nil && p.Fault == Refuse {
		l.reached = true
		return l, port.RefuseConnects()
	}
	if p != nil && p.Fault == Blackhole {
		l.reached = true
		return l, port.BlackHole()
	}
	accepting, err := port.StartListening()
	if err != nil {
		port.Close()
		return nil, err
	}
	l.tasks.Go(func() { l.acceptAll(ctx, accepting) })
	return l, nil
}

func (l *listener) addr() string { return l.port.Addr().String() }

// close ends every connection and waits for who plays it.
func (l *listener) close() {
	l.cancel()
	l.port.Close()
	l.mu.Lock()
	for _, c := range l.conns {
		c.Close()
	}
	l.mu.Unlock()
	l.tasks.Wait()
}

func (l *listener) acceptAll(ctx context.Context, from net.Listener) {
	for {
		conn, err := from.Accept()
		if err != nil {
			return
		}
		l.mu.Lock()
		l.accepted++
		n := l.accepted
		l.conns = append(l.conns, conn)
		l.mu.Unlock()
		if n > mostConnects || ctx.Err() != nil {
			conn.Close()
			continue
		}
		l.open.Add(1)
		l.tasks.Go(func() {
			defer l.open.Add(-1)
			l.serve(ctx, conn.(*net.TCPConn), n)
		})
	}
}

// mostConnects bounds how many connections of one client are played.
const mostConnects = 200

func (l *listener) note(text string) {
	if l.logs {
		l.mu.Lock()
		l.log = append(l.log, moment{time.Since(l.began), text})
		l.mu.Unlock()
	}
}

// serve plays the server on one connection; the fault strikes on the first one.
func (l *listener) serve(ctx context.Context, conn *net.TCPConn, n int) {
	w := &wire{conn: conn, diag: l.diag, local: conn.LocalAddr().(*net.TCPAddr).AddrPort(), remote: conn.RemoteAddr().(*net.TCPAddr).AddrPort()}
	defer w.close()
	s := &serving{listener: l, wire: w}
	if n == 1 {
		s.point = l.point
	}
	complete := s.run(ctx)
	l.mu.Lock()
	defer l.mu.Unlock()
	if n == 1 {
		l.upstream = w.got
	}
	l.complete = l.complete || complete
	l.blind = l.blind || w.blind
	if s.wrong != "" && l.wrong == "" {
		l.wrong = s.wrong
	}
}

func (l *listener) hasStruck() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.reached
}

func (l *listener) strikes() {
	l.mu.Lock()
	l.reached = true
	l.mu.Unlock()
}

// A serving is one connection while it is played.
type serving struct {
	*listener
	wire  *wire
	point *Point // nil: no fault on this connection
	at    int64  // bytes of the replies before this step
	upAt  int64
	wrong string
}

var errEnded = errors.New("the conversation is over")

// run reports whether the conversation was complete.
func (s *serving) run(ctx context.Context) bool {
	greeting, err := s.script.Greeting.SentBytes()
	if err != nil || s.reply(ctx, greeting, len(s.script.Steps) == 0) != nil {
		return false
	}
	for i, step := range s.script.Steps {
		if s.request(ctx, i, step) != nil {
			return false
		}
		answer, err := step.Expect.SentBytes()
		if err != nil || s.reply(ctx, answer, i == len(s.script.Steps)-1) != nil {
			return false
		}
	}
	if s.script.End == dialogue.ServerCloses {
		s.note("server  FIN")
		s.wire.finish()
	}
	s.drain(ctx)
	return true
}

// request awaits what the client sends in step i.
func (s *serving) request(ctx context.Context, i int, step dialogue.Step) error {
	w := s.wire
	if p := s.point; p != nil && p.Direction == event.Upstream && !p.Fault.isOfConnect() {
		if from := s.upAt; p.Offset >= from && p.Offset < from+int64(len(step.Send)) {
			return s.strikeUp(ctx, w.taken+int(p.Offset-from))
		}
	}
	s.upAt += int64(len(step.Send))
	for len(step.Send) > 0 {
		n, match := s.script.MatchRequest(i, w.got[w.taken:], w.ending != event.Open)
		switch {
		case match == dialogue.ReplyMatched:
			w.taken += n
			s.note("client  " + countBytes(n) + " to the server")
			if !step.ShutdownWrite {
				return nil
			}
			s.drain(ctx)
			return nil
		case match == dialogue.ReplyDiffers:
			s.wrong = s.script.DescribeReply(len(s.script.Steps), n, w.got[w.taken:], int64(w.taken))
			return errEnded
		case w.ending != event.Open:
			s.note("client  " + endingText(w.ending))
			return errEnded
		}
		s.await(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

// await blocks until the client says or ends something, or the connection is closed.
func (s *serving) await(ctx context.Context) {
	s.waiting.Add(1)
	s.wire.read(time.Time{})
	s.waiting.Add(-1)
}

// drain reads to the end of the client's stream.
func (s *serving) drain(ctx context.Context) {
	for s.wire.ending == event.Open && !s.wire.full() && ctx.Err() == nil {
		s.await(ctx)
	}
	if s.wire.ending != event.Open && ctx.Err() == nil {
		s.note("client  " + endingText(s.wire.ending))
	}
}

// strikeUp ends the connection when the client has sent so many bytes.
func (s *serving) strikeUp(ctx context.Context, n int) error {
	w := s.wire
	w.most = n
	for n > 0 && w.ending == event.Open && len(w.got) < n && ctx.Err() == nil {
		s.await(ctx)
	}
	if len(w.got) < n {
		return errEnded
	}
	s.strikes()
	s.note(">>>     " + s.point.String())
	w.most = 0
	if s.point.Fault == Reset {
		w.reset()
		return errEnded
	}
	w.finish()
	s.drain(ctx)
	return errEnded
}

// reply sends what the server says in a step, with the fault that lies in it.
func (s *serving) reply(ctx context.Context, b []byte, last bool) error {
	from := s.at
	s.at += int64(len(b))
	p := s.point
	if p == nil || p.Direction != event.Downstream || p.Fault.isOfConnect() {
		return s.send(b)
	}
	if !p.liesIn(from, s.at) {
		if p.Split > from && p.Split < s.at {
			return s.sendSplit(ctx, b, p.Split-from)
		}
		return s.send(b)
	}
	return s.strikeDown(ctx, b, p.Offset-from)
}

func (s *serving) send(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	s.note("server  " + countBytes(len(b)) + " to the client")
	if !s.wire.send(b, 30*time.Second) {
		return errEnded
	}
	return nil
}

func (s *serving) sendSplit(ctx context.Context, b []byte, at int64) error {
	if err := s.send(b[:at]); err != nil {
		return err
	}
	if s.wire.consumed(ctx, consumeWait) {
		s.note("client  has read all of it")
	}
	return s.send(b[at:])
}

// consumeWait is how long a client may take to read what was sent.
const consumeWait = 500 * time.Millisecond

func (s *serving) strikeDown(ctx context.Context, b []byte, n int64) error {
	p, w := s.point, s.wire
	s.strikes()
	switch p.Fault {
	case Split:
		return s.sendSplit(ctx, b, n)
	case Corrupt:
		return s.send(append(append(append([]byte{}, b[:n]...), ^b[n]), b[n+1:]...))
	case Duplicate:
		return s.send(append(append(append([]byte{}, b[:n]...), b[n]), b[n:]...))
	case Heal:
		if err := s.send(b[:n]); err != nil {
			return err
		}
		w.consumed(ctx, consumeWait)
		s.note(">>>     silence for " + s.heal.String())
		sleep(ctx, s.heal)
		return s.send(b[n:])
	}
	if p.Split > 0 && p.Split < p.Offset {
		if at := n - (p.Offset - p.Split); at > 0 {
			if err := s.sendSplit(ctx, b[:n], at); err != nil {
				return err
			}
			b, n = b[n:], 0
		}
	}
	if err := s.send(b[:n]); err != nil {
		return err
	}
	if (p.Read || p.Fault == HalfClose || p.Fault == Stall) && w.sent > 0 {
		w.consumed(ctx, consumeWait)
	}
	s.note(">>>     " + p.String())
	switch p.Fault {
	case Reset:
		w.reset()
		return errEnded
	case Vanish:
		w.close()
		return errEnded
	case FIN, HalfClose:
		w.finish()
	}
	s.drain(ctx)
	return errEnded
}
