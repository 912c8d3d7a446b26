package proxy

import (
	"errors"
	"net"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/link"
	"github.com/sockharness/harness/harness/sock"
)

const (
	loopEvents = 64                    // taken from the kernel at once
	loopBuffer = 64 << 10              // bytes moved at once
	loopStay   = 10                    // ms without an event after which the thread is given back
	loopSoon   = 50 * time.Millisecond // until an alarm for which it is kept
	loopRetry  = pollUpstream          // after an accept that failed
)

// A loop carries connections that are short or quiet, one thread for many of them,
// by waiting for the kernel's events itself: a connection costs it twenty system
// calls and no goroutine, whatever its toxics, if these need none. What is not due it
// holds. It hands over to goroutines, in the middle of a stream, whatever is more than
// that: other toxics, bulk, a destination that takes no more.
type loop struct {
	all    *loops
	epoll  int
	wakeFD int // eventfd that wakes it
	timer  int // timerfd of the first alarm
	ticks  atomic.Uint64

	oneProcessor bool // the process uses no more than one at a time

	// The goroutine of the loop owns these.
	slots     []slot                    // by descriptor
	from      sock.RawAddress           // of the latest client
	halves    map[*loopSession]struct{} // open in one direction only
	buffer    []byte
	load      loadMeter
	yielded   time.Time   // when it last went through the runtime's scheduler
	busyPorts []*loopPort // accepted from since the last wait
	alarms    link.TimerHeap[holder]
	armed     time.Time   // that the timer is set to
	parked    parkedEpoll // zero: the runtime waits on nothing of ours
	handedOff bool        // a connection to a goroutine, since the last wait

	mu     sync.Mutex        // guards what follows
	ports  map[int]*loopPort // by descriptor
	halved int               // len of halves
	check  []*Proxy          // whose connections are to be looked at
	back   []*loopSession    // that goroutines have carried so far
	closed bool
}

// A slot says what a descriptor is for.
type slot struct {
	pair *loopSession
	from event.Direction // the stream that is read from it
}

// A loopSession is a session in a loop.
type loopSession struct {
	session   *session
	loop      *loop
	fds       [2]int // by the direction that is read from them
	endPassed [2]bool
	timers    [2]*link.Entry[holder] // for what is held in that direction, or nil
	resetting bool                   // it is to be reset, in time
	resetFrom event.Direction        // as the source of that one was
	half      halfState
	meters    [2]bulkMeter

	// What the session consists of, in one piece of memory.
	sessionRoom session
	sideRoom    [2]link.Side // by the direction that is read from them
	connRoom    [2]rawConn
}

// newLoop returns a loop, or nil where the system has not got what it needs.
func newLoop(all *loops) *loop {
	l := &loop{all: all, oneProcessor: runtime.GOMAXPROCS(0) == 1, epoll: -1, wakeFD: -1, timer: -1, ports: map[int]*loopPort{}, halves: map[*loopSession]struct{}{}}
	if l.acquireFDs() != nil {
		l.releaseFDs()
		return nil
	}
	return l
}

// acquireFDs takes from the kernel what the loop needs.
func (l *loop) acquireFDs() (err error) {
	if l.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return err
	}
	if l.wakeFD, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return err
	}
	if l.timer, err = link.NewTimer(); err != nil {
		return err
	}
	return errors.Join(l.watchFD(l.wakeFD, unix.EPOLLIN), l.watchFD(l.timer, unix.EPOLLIN|unix.EPOLLET))
}

func (l *loop) watchFD(fd int, events uint32) error {
	return unix.EpollCtl(l.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: events, Fd: int32(fd)})
}

func (l *loop) forgetFD(fd int) {
	_ = unix.EpollCtl(l.epoll, unix.EPOLL_CTL_DEL, fd, &unix.EpollEvent{})
}

// releaseFDs gives back what the kernel holds for the loop.
func (l *loop) releaseFDs() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	for _, fd := range []int{l.epoll, l.wakeFD, l.timer} {
		if fd >= 0 {
			_ = unix.Close(fd)
		}
	}
}

// wakeUp makes the loop look at its connections.
func (l *loop) wakeUp() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		_, _ = unix.Write(l.wakeFD, []byte{1, 0, 0, 0, 0, 0, 0, 0})
	}
}

// recheckLater makes the loop look at the connections of a proxy.
func (l *loop) recheckLater(p *Proxy) {
	l.mu.Lock()
	if !slices.Contains(l.check, p) {
		l.check = append(l.check, p)
	}
	l.mu.Unlock()
	l.wakeUp()
}

// noteTick tells the loop that some time has passed.
func (l *loop) noteTick() {
	l.ticks.Add(1)
	l.mu.Lock()
	halved := l.halved
	l.mu.Unlock()
	if halved > 0 {
		l.wakeUp()
	}
}

// runLoop carries until everything is closed. No proxy runs any more then.
func (l *loop) runLoop() {
	defer l.releaseFDs()
	defer l.unparkEvents()
	events := make([]unix.EpollEvent, loopEvents)
	for l.all.shared.ctx.Err() == nil {
		l.load.noteWaits()
		n := max(l.waitEvents(events), 0)
		l.balanceLoad()
		l.yieldSometimes()
		for _, e := range events[:n] {
			l.handleEvent(int(e.Fd), e.Events)
		}
		l.releaseDue()
	}
}

func (l *loop) handleEvent(fd int, events uint32) {
	switch fd {
	case l.wakeFD:
		l.recheckSessions()
		return
	case l.timer:
		return
	}
	if fd < len(l.slots) && l.slots[fd].pair != nil {
		at := l.slots[fd]
		l.stepDirection(at.pair, at.from, events)
		return
	}
	port := l.portOn(fd)
	if port == nil {
		return
	}
	if c, err := port.acceptOne(&l.from); err == nil {
		l.noteBusyPort(port)
		l.serveClient(port, c)
		port.noteServed()
	}
}

// recheckSessions looks at the connections that are open in one direction only, and at
// those of proxies that ask for it.
func (l *loop) recheckSessions() {
	_, _ = unix.Read(l.wakeFD, make([]byte, 8))
	now := l.ticks.Load()
	for pair := range l.halves {
		l.checkHalf(pair, now)
	}
	l.mu.Lock()
	check, back := l.check, l.back
	l.check, l.back = nil, nil
	l.mu.Unlock()
	for _, pair := range back {
		l.beginCarrying(pair)
	}
	for _, p := range check {
		l.recheckProxy(p)
	}
}

// recheckProxy hands over what the loop cannot carry any more of a proxy.
func (l *loop) recheckProxy(p *Proxy) {
	p.mu.Lock()
	open := p.openLocked()
	p.mu.Unlock()
	for _, s := range open {
		pair := s.inLoop.Load()
		switch {
		case pair == nil || pair.loop != l:
		case !pair.canStep() || s.isTerminated() || p.ctx.Err() != nil:
			l.handOff(pair)
		default:
			l.runChains(pair)
		}
	}
}

func (p *loopSession) canStep() bool {
	return p.session.links[event.Upstream].CanStep() && p.session.links[event.Downstream].CanStep()
}

// serveClient begins the session of a client. What cannot be dialled at once, a goroutine
// dials.
func (l *loop) serveClient(port *loopPort, fd int) {
	p := port.proxy
	pair := &loopSession{loop: l}
	pair.session = &pair.sessionRoom
	s, client, upstream := pair.session, &pair.connRoom[event.Upstream], &pair.connRoom[event.Downstream]
	client.fd, client.from, client.own = fd, l.from, port.own
	pair.sideRoom[event.Upstream].Begin(event.Client, client)
	p.beginSession(s, &pair.sideRoom[event.Upstream])
	s.emitAccept()
	to, peer, err := s.dialLocal()
	if err != nil {
		l.handedOff = true
		p.wg.Go(func() { s.resumeDial(to, peer, err) })
		return
	}
	upstream.fd, upstream.peer = to, peer
	s.noteDialled(upstream)
	pair.sideRoom[event.Downstream].Begin(event.Server, upstream)
	s.connectLinks(&pair.sideRoom[event.Downstream])
	pair.fds = [2]int{event.Upstream: fd, event.Downstream: to}
	if !pair.canStep() {
		l.spawnSession(pair)
		return
	}
	p.wg.Add(1) // until it ends, or a goroutine has it
	s.inLoop.Store(pair)
	if l.registerSession(pair) != nil {
		l.handOff(pair)
		return
	}
	if l.runChains(pair) {
		l.stepDirection(pair, event.Upstream, 0) // a client that speaks first may have spoken
	}
}

// takeBack has the loop carry a connection that goroutines have carried, or dialled. It returns
// false where it cannot.
func (l *loop) takeBack(pair *loopSession) bool {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return false
	}
	pair.session.proxy.wg.Add(1) // until it ends, or a goroutine has it
	l.back = append(l.back, pair)
	l.mu.Unlock()
	l.wakeUp()
	return true
}

// beginCarrying begins to carry a connection that was taken back.
func (l *loop) beginCarrying(pair *loopSession) {
	s := pair.session
	s.inLoop.Store(pair)
	if !pair.canStep() || s.isTerminated() || s.proxy.ctx.Err() != nil || l.registerSession(pair) != nil {
		l.handOff(pair)
		return
	}
	for d := range pair.fds { // what is held has its time
		if pair.session.inLoop.Load() == pair && !pair.resetting {
			l.release(pair, event.Direction(d))
		}
	}
}

// runChains lets toxics that do not wait for bytes take effect, and reports whether the
// loop still has the connection.
func (l *loop) runChains(pair *loopSession) bool {
	for d := range pair.fds {
		if pair.session.inLoop.Load() == pair && !pair.resetting && pair.session.links[d].HasChain() {
			l.release(pair, event.Direction(d))
		}
	}
	return pair.session.inLoop.Load() == pair
}

// resumeDial goes on after a dial that was not done at once, or has failed.
func (s *session) resumeDial(fd int, peer *net.TCPAddr, err error) {
	var server *link.Side
	switch {
	case err == errNotAtOnce && fd < 0:
		s.dialAndServe()
		return
	case err == errNotAtOnce:
		server, err = s.finishDial(fd, peer)
	}
	if err != nil {
		s.dialFailed(err)
		return
	}
	s.serveDialled(server)
}
