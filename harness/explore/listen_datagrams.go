package explore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/sock"
)

// A datagramListener plays the server of a dialogue over UDP to one client process.
type datagramListener struct {
	subject *clientSubject
	point   *Point
	conn    *net.UDPConn
	server  *dialogue.DatagramServer
	began   time.Time
	logs    bool
	tasks   sync.WaitGroup

	held   func()       // sends what another datagram is to overtake; nil: nothing is held. Of the loop alone
	holds  atomic.Bool  // something is held
	struck atomic.Bool  // by the fault
	seen   map[int]bool // steps that were answered; of the loop alone, until close
	up     int          // datagrams that came; in the same way
	down   int          // and that were sent
	wrong  string       // and the first one that is no request
	log    []moment     // and what happened
}

// overtakeTime is how long a datagram is held that another one is to overtake.
const overtakeTime = 100 * time.Millisecond

// startDatagramListener takes a port and plays the server. The caller must close it.
func startDatagramListener(ctx context.Context, s *clientSubject, p *Point, logs bool) (*datagramListener, error) {
	address, err := s.launcher.programs.ListenAddress()
	if err != nil {
		return nil, err
	}
	var c net.ListenConfig
	conn, err := c.ListenPacket(ctx, "udp", address)
	if err != nil {
		return nil, err
	}
	l := &datagramListener{subject: s, point: p, conn: conn.(*net.UDPConn), server: s.script.NewDatagramServer(), began: time.Now(), logs: logs, seen: map[int]bool{}}
	l.tasks.Go(l.serveAll)
	return l, nil
}

// address implements playedServer.
func (l *datagramListener) address() string { return sock.FormatAddress(l.conn.LocalAddr()) }

// isIdle implements playedServer.
func (l *datagramListener) isIdle() bool { return !l.holds.Load() }

// hasStruck implements playedServer.
func (l *datagramListener) hasStruck() bool { return l.struck.Load() }

// close implements playedServer.
func (l *datagramListener) close() {
	l.conn.Close()
	l.tasks.Wait()
}

// report implements playedServer.
func (l *datagramListener) report(run *clientRun) {
	run.accepted, run.datagrams = min(l.up, 1), l.up
	run.complete = len(l.seen) == len(l.subject.script.Steps)
	run.wrong, run.reached, run.log = l.wrong, l.struck.Load(), l.log
}

func (l *datagramListener) note(format string, args ...any) {
	if l.logs {
		l.log = append(l.log, moment{time.Since(l.began), fmt.Sprintf(format, args...)})
	}
}

func (l *datagramListener) serveAll() {
	for {
		payload, from, err := sock.ReadDatagram(l.conn)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			l.release()
		case errors.Is(err, net.ErrClosed):
			return
		case err == nil:
			l.receive(payload, from)
		}
	}
}

// hold keeps a datagram back until release.
func (l *datagramListener) hold(send func()) {
	l.held = send
	l.holds.Store(true)
	_ = l.conn.SetReadDeadline(time.Now().Add(overtakeTime))
}

// release lets what is held go.
func (l *datagramListener) release() {
	_ = l.conn.SetReadDeadline(time.Time{})
	if send := l.held; send != nil {
		l.held = nil
		send()
		l.holds.Store(false)
	}
}

// strikes reports whether the point lies at the n-th datagram of a direction.
func (l *datagramListener) strikes(d event.Direction, n int) bool {
	p := l.point
	if p == nil || p.Direction != d || p.Offset > int64(n) || p.Offset < int64(n) && p.Fault != Silence {
		return false
	}
	l.struck.Store(true)
	l.note(">>>     %s", p)
	return true
}

// receive takes a datagram of the client.
func (l *datagramListener) receive(payload []byte, from net.Addr) {
	l.up++
	l.note("client  %s", quoteStart(payload))
	if !l.strikes(event.Upstream, l.up) {
		l.reply(payload, from)
		l.release()
		return
	}
	switch l.point.Fault {
	case Duplicate:
		l.reply(payload, from)
		l.reply(payload, from)
	case Reorder:
		l.hold(func() { l.reply(payload, from) })
	}
}

// reply answers a request as the dialogue does, with the fault that lies in the answer.
func (l *datagramListener) reply(request []byte, from net.Addr) {
	step, answer, ok := l.server.ReplyTo(request)
	if !ok {
		if l.wrong == "" {
			l.wrong = quoteStart(request) + ", which is no request of it"
		}
		return
	}
	l.seen[step] = true
	if answer == nil {
		return
	}
	l.down++
	answer = bytes.Clone(answer)
	if !l.strikes(event.Downstream, l.down) {
		l.send(answer, from)
		return
	}
	switch l.point.Fault {
	case Duplicate:
		l.send(answer, from)
		l.send(answer, from)
	case Truncate:
		l.send(l.point.kept(answer), from)
	case Reorder:
		l.hold(func() { l.send(answer, from) })
	}
}

// send sends one datagram. That it is lost the client will notice.
func (l *datagramListener) send(b []byte, to net.Addr) {
	if _, err := l.conn.WriteTo(b, to); err == nil {
		l.note("server  %s", quoteStart(b))
	}
}
