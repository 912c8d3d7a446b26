package proxy

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/link"
)

const (
	loopEvents = 64                    // taken from the kernel at once
	loopBuffer = 16 << 10              // bytes moved at once; who sends more is spliced by a goroutine
	loopBulk   = 64 << 10              // bytes of one direction in a tick after which it is bulk, too
	loopStay   = 10                    // ms without an event after which the thread is given back
	loopSoon   = 50 * time.Millisecond // until an alarm for which it is kept
	loopRetry  = pollUpstream          // after an accept that failed
)

// A loop carries connections that are short or quiet, one thread for many of them,
// by waiting for the kernel's events itself: a connection costs it twenty system
// calls and no goroutine. What is to be delayed it holds. It hands over to
// goroutines, in the middle of a stream, whatever is more than that: other toxics,
// resets, bulk, a destination that takes no more, a half-close that lasts.
type loop struct {
	proxy *Proxy
	epoll int
	kicks int // eventfd that wakes it
	timer int // timerfd of the first alarm
	ticks atomic.Uint64

	// The goroutine of the loop owns these.
	slots  []slot // by descriptor
	open   map[*pairing]struct{}
	halves map[*pairing]struct{} // open in one direction only
	buffer []byte
	way    way
	alarms link.Timetable[holder]
	armed  time.Time // that the timer is set to
	parked *os.File  // what the runtime waits on; nil: nothing
	gave   bool      // a connection to a goroutine, since the last wait

	mu     sync.Mutex // guards what follows
	port   int        // descriptor that connections are accepted from; -1: none
	halved int        // len of halves
	closed bool
}

// A slot says what a descriptor is for.
type slot struct {
	pair *pairing
	from event.Direction // the stream that is read from it
}

// A pairing is a session in a loop.
type pairing struct {
	session *session
	fds     [2]int // by the direction that is read from them
	conns   [2]*bare
	passed  [2]bool
	alarms  [2]*link.Entry[holder] // for what is held in that direction, or nil
	since   uint64                 // tick at which it was halved
	seen    [2]struct {
		tick  uint64
		bytes int64 // read by then
	}
}

// newLoop returns a loop that serves the proxy, or nil where each connection needs
// more than a loop does.
func newLoop(p *Proxy) *loop {
	if p.tls.terminate != nil || p.tls.originate != nil || p.cfg.ProxyProtocol || p.cfg.Tap != nil {
		return nil
	}
	l := &loop{proxy: p, epoll: -1, kicks: -1, timer: -1, port: -1,
		open: map[*pairing]struct{}{}, halves: map[*pairing]struct{}{}}
	if l.acquire() != nil {
		l.release()
		return nil
	}
	return l
}

// acquire takes from the kernel what the loop needs.
func (l *loop) acquire() (err error) {
	if l.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return err
	}
	if l.kicks, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return err
	}
	if l.timer, err = link.NewTimer(); err != nil {
		return err
	}
	return errors.Join(l.watch(l.kicks, unix.EPOLLIN), l.watch(l.timer, unix.EPOLLIN|unix.EPOLLET))
}

func (l *loop) watch(fd int, events uint32) error {
	return unix.EpollCtl(l.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: events, Fd: int32(fd)})
}

func (l *loop) forget(fd int) { _ = unix.EpollCtl(l.epoll, unix.EPOLL_CTL_DEL, fd, &unix.EpollEvent{}) }

// release gives back what the kernel holds for the loop.
func (l *loop) release() {
	l.unlisten()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	for _, fd := range []int{l.epoll, l.kicks, l.timer} {
		if fd >= 0 {
			_ = unix.Close(fd)
		}
	}
}

// kick makes the loop look at its connections.
func (l *loop) kick() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		_, _ = unix.Write(l.kicks, []byte{1, 0, 0, 0, 0, 0, 0, 0})
	}
}

// tick tells the loop that some time has passed.
func (l *loop) tick() {
	l.ticks.Add(1)
	l.mu.Lock()
	halved := l.halved
	l.mu.Unlock()
	if halved > 0 {
		l.kick()
	}
}

// run carries until the context of the proxy ends, and hands over what is open then.
func (l *loop) run() {
	defer l.release()
	defer l.unpark()
	defer context.AfterFunc(l.proxy.ctx, l.kick)()
	events := make([]unix.EpollEvent, loopEvents)
	for l.proxy.ctx.Err() == nil {
		n := max(l.wait(events), 0)
		l.balance(n)
		for _, e := range events[:n] {
			l.handle(int(e.Fd), e.Events)
		}
		l.ring()
	}
	for pair := range l.open {
		l.handOver(pair)
	}
}

func (l *loop) handle(fd int, events uint32) {
	switch fd {
	case l.kicks:
		l.look()
		return
	case l.timer:
		return
	}
	if fd < len(l.slots) && l.slots[fd].pair != nil {
		at := l.slots[fd]
		l.step(at.pair, at.from, events)
		return
	}
	if c, from, err := l.accept(); err == nil {
		l.serve(c, addrOf(from))
	}
}

// look hands over the connections that have other toxics now, or have been
// half-closed for more than a tick.
func (l *loop) look() {
	_, _ = unix.Read(l.kicks, make([]byte, 8))
	now := l.ticks.Load()
	for pair := range l.halves {
		if now-pair.since > 1 {
			l.handOver(pair)
		}
	}
	for pair := range l.open {
		if !pair.steps() {
			l.handOver(pair)
		}
	}
}

func (p *pairing) steps() bool {
	return p.session.links[event.Upstream].Steps() && p.session.links[event.Downstream].Steps()
}

// serve begins the session of a client. What cannot be dialled at once, a goroutine
// dials.
func (l *loop) serve(fd int, from *net.TCPAddr) {
	client := &bare{fd: fd, peer: from}
	s := l.proxy.admit(client)
	s.announce()
	to, peer, err := l.dial(s)
	if err != nil {
		l.gave = true
		_, _ = client.adopt()
		l.proxy.ends.Go(func() { s.reachBy(err) })
		return
	}
	upstream := &bare{fd: to, peer: peer}
	s.emit(event.Event{Kind: event.Dial, Side: event.Server, Detail: s.between(upstream.LocalAddr, upstream.RemoteAddr)})
	s.connect(link.NewSide(event.Server, upstream))
	pair := &pairing{session: s, fds: [2]int{event.Upstream: fd, event.Downstream: to},
		conns: [2]*bare{event.Upstream: client, event.Downstream: upstream}}
	if !pair.steps() {
		l.goOn(pair)
		return
	}
	l.open[pair] = struct{}{}
	if l.enter(pair) != nil {
		l.handOver(pair)
		return
	}
	l.step(pair, event.Upstream, 0) // a client that speaks first may have spoken
}

// reachBy goes on after a dial that was not done at once, or has failed.
func (s *session) reachBy(err error) {
	if err == errNotAtOnce {
		s.reach()
		return
	}
	s.giveUp(err)
}

// enter makes the kernel tell what comes on both sockets.
func (l *loop) enter(pair *pairing) error {
	if l.buffer == nil {
		l.buffer = make([]byte, loopBuffer)
	}
	for d, fd := range pair.fds {
		for fd >= len(l.slots) {
			l.slots = append(l.slots, slot{})
		}
		l.slots[fd] = slot{pair, event.Direction(d)}
		if err := l.watch(fd, unix.EPOLLIN|unix.EPOLLRDHUP|unix.EPOLLET); err != nil {
			return err
		}
	}
	return nil
}

// leave makes the loop forget a connection.
func (l *loop) leave(pair *pairing) {
	delete(l.open, pair)
	l.silence(pair)
	for _, fd := range pair.fds {
		if fd < len(l.slots) && l.slots[fd].pair == pair {
			l.slots[fd] = slot{}
		}
	}
	if pair.passed != [2]bool{} {
		l.halve(pair, false)
	}
}

// halve keeps whether a connection is open in one direction only.
func (l *loop) halve(pair *pairing, yes bool) {
	if pair.since = l.ticks.Load(); yes {
		l.halves[pair] = struct{}{}
	} else {
		delete(l.halves, pair)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.halved = len(l.halves)
}

// step carries what has come on one socket. The kernel may tell of the end of a stream
// once more after it was read.
func (l *loop) step(pair *pairing, d event.Direction, events uint32) {
	s, o := pair.session, d.Opposite()
	reset := events&(unix.EPOLLHUP|unix.EPOLLERR) != 0
	switch {
	case !s.links[d].StepsEnded():
		more := reset || events&unix.EPOLLRDHUP != 0
		l.goOnBy(pair, d, s.links[d].Step(pair.fds[d], pair.fds[o], l.buffer, more))
	case reset:
		l.handOver(pair)
	}
}

// goOnBy does what a step of one direction leaves to do.
func (l *loop) goOnBy(pair *pairing, d event.Direction, made link.Progress) {
	s, o := pair.session, d.Opposite()
	switch made {
	case link.Drained:
		if pair.busy(d, l.ticks.Load()) {
			l.handOver(pair)
			return
		}
		l.alarm(pair, d)
	case link.Plenty, link.Beyond:
		l.handOver(pair)
	case link.Finished:
		if pair.passed[d] = true; !pair.passed[o] {
			l.halve(pair, true)
			return
		}
		l.leave(pair)
		s.settle(link.Ended)
		s.close(link.Ended)
	}
}

// busy reports whether much was read in that direction since the last tick.
func (p *pairing) busy(d event.Direction, now uint64) bool {
	got := p.session.links[d].Received()
	if p.seen[d].tick != now {
		p.seen[d].tick, p.seen[d].bytes = now, got
	}
	return got-p.seen[d].bytes > loopBulk
}

// handOver has goroutines go on with a connection.
func (l *loop) handOver(pair *pairing) {
	l.leave(pair)
	for _, fd := range pair.fds {
		l.forget(fd)
	}
	l.goOn(pair)
}

// goOn has goroutines carry a connection that the loop knows nothing of.
func (l *loop) goOn(pair *pairing) {
	l.gave = true
	for _, c := range pair.conns {
		_, _ = c.adopt()
	}
	l.proxy.ends.Go(pair.session.proceed)
}
