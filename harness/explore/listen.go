package explore

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/sock"
)

// A listener plays the server of a dialogue to the connections of one client process.
type listener struct {
	subject *clientSubject
	point   *Point
	port    *sock.Port

	patience time.Duration // for the client to read what comes before the fault

	began   time.Time
	logs    bool
	tasks   sync.WaitGroup
	cancel  context.CancelFunc
	waiting atomic.Int32 // connections on which nothing is under way from our side
	open    atomic.Int32

	mu        sync.Mutex // guards what follows
	conns     []net.Conn
	accepted  int
	reached   bool
	unread    bool // the client had not read in time what comes before the fault
	complete  bool // one connection was played to its end
	wrong     string
	handshake string // why that of TLS has failed on a connection
	upstream  []byte // what the first connection has sent
	log       []moment
}

// startListener takes a port and plays the server to all that connect. The caller must
// close it.
func startListener(ctx context.Context, s *clientSubject, p *Point, logs bool, patience time.Duration) (*listener, error) {
	port, err := s.launcher.bindPort()
	if err != nil {
		return nil, err
	}
	l := &listener{subject: s, point: p, port: port, logs: logs, patience: patience, began: time.Now()}
	ctx, l.cancel = context.WithCancel(ctx)
	if p != nil && p.Fault.isOfConnect() && p.Conn <= 1 {
		return l, l.turnAway()
	}
	accepting, err := port.StartListening()
	if err != nil {
		l.cancel()
		port.Close()
		return nil, err
	}
	l.tasks.Go(func() { l.acceptAll(ctx, accepting) })
	return l, nil
}

// turnAway is the fault of the connect: from now on no connection is accepted.
func (l *listener) turnAway() error {
	l.strikes()
	l.note(">>>     " + l.point.String())
	if l.point.Fault == Blackhole {
		return l.port.BlackHole()
	}
	return l.port.RefuseConnects()
}

// address implements playedServer.
func (l *listener) address() string { return sock.FormatAddress(l.port.Addr()) }

// isIdle implements playedServer.
func (l *listener) isIdle() bool { return l.waiting.Load() == l.open.Load() }

// close implements playedServer.
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

// report implements playedServer.
func (l *listener) report(run *clientRun) {
	run.accepted, run.upstream, run.complete, run.wrong = l.accepted, l.upstream, l.complete, l.wrong
	run.reached, run.unread, run.handshake, run.log = l.reached, l.unread, l.handshake, l.log
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
		if p := l.point; p != nil && p.Fault.isOfConnect() && n == p.Conn-1 {
			_ = l.turnAway()
		}
		l.open.Add(1)
		l.tasks.Go(func() {
			defer l.open.Add(-1)
			l.serve(ctx, conn.(sock.Conn), n)
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

// handshakeTime bounds the handshake of TLS with a client.
const handshakeTime = 15 * time.Second

// secure does the handshake of TLS, where the target has that.
func (l *listener) secure(ctx context.Context, conn sock.Conn) (sock.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, handshakeTime)
	defer cancel()
	return l.subject.launcher.certification.Secure(ctx, conn, l.subject.launcher.before, event.Server)
}

// serve plays the server on one connection; the fault strikes on the first one, or on all.
func (l *listener) serve(ctx context.Context, conn sock.Conn, n int) {
	conn, err := l.secure(ctx, conn)
	if err != nil {
		l.mu.Lock()
		l.handshake = err.Error()
		l.mu.Unlock()
		return
	}
	w := newWire(conn, l.subject.diag)
	if at := l.subject.layout; at != nil {
		w.expect(at.up.ByteCount())
	}
	defer w.close()
	s := &serving{listener: l, script: l.subject.script, wire: w}
	if s.script.Captures() {
		s.script = s.script.ForConnection()
	}
	defer func() { s.ports.Close() }()
	if n == 1 || l.subject.every {
		s.point = l.point
	}
	complete := s.run(ctx)
	l.mu.Lock()
	defer l.mu.Unlock()
	if n == 1 {
		l.upstream = w.got
	}
	l.complete = l.complete || complete
	l.unread = l.unread || w.unread
	if s.wrong != "" && l.wrong == "" {
		l.wrong = s.wrong
	}
}

// hasStruck implements playedServer.
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
