package proxy

import (
	"golang.org/x/sys/unix"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/link"
)

// registerSession makes the kernel tell what comes on both sockets.
func (l *loop) registerSession(pair *loopSession) error {
	if l.buffer == nil {
		l.buffer = make([]byte, loopBuffer)
	}
	for d, fd := range pair.fds {
		for fd >= len(l.slots) {
			l.slots = append(l.slots, slot{})
		}
		l.slots[fd] = slot{pair, event.Direction(d)}
		if err := l.watchFD(fd, unix.EPOLLIN|unix.EPOLLRDHUP|unix.EPOLLET); err != nil {
			return err
		}
	}
	return nil
}

// unregisterSession makes the loop forget a connection.
func (l *loop) unregisterSession(pair *loopSession) {
	pair.session.inLoop.Store(nil)
	l.disarmTimers(pair)
	for _, fd := range pair.fds {
		if fd < len(l.slots) && l.slots[fd].pair == pair {
			l.slots[fd] = slot{}
		}
	}
	if pair.endPassed != [2]bool{} {
		l.setHalfClosed(pair, false)
	}
}

// stepDirection carries what has come on one socket. The kernel may tell of the end of a stream
// once more after it was read.
func (l *loop) stepDirection(pair *loopSession, d event.Direction, events uint32) {
	s, o := pair.session, d.Opposite()
	failed := events&(unix.EPOLLHUP|unix.EPOLLERR) != 0
	switch {
	case pair.resetting:
		if failed && d != pair.resetFrom {
			s.links[d].NoteReset(pair.fds[d])
			l.finishReset(pair)
		}
	case !s.links[d].StepsEnded():
		more := failed || events&unix.EPOLLRDHUP != 0
		l.afterStep(pair, d, s.links[d].StepOnce(pair.fds[d], pair.fds[o], l.buffer, more))
	case failed:
		l.afterStep(pair, d, s.links[d].NoteReset(pair.fds[d]))
	}
}

// afterStep does what a step of one direction leaves to do.
func (l *loop) afterStep(pair *loopSession, d event.Direction, made link.Progress) {
	s, o := pair.session, d.Opposite()
	for made == link.More && !pair.isBulk(d, l.ticks.Load()) {
		made = s.links[d].StepOnce(pair.fds[d], pair.fds[o], l.buffer, true)
	}
	if made == link.NeedRun && s.links[d].IsBroken() {
		if made = s.links[o].StepBroken(pair.fds[o], pair.fds[d], l.buffer); made == link.Resetting {
			d = o
		} else {
			made = link.NeedRun
		}
	}
	switch made {
	case link.WouldBlock:
		if pair.isBulk(d, l.ticks.Load()) {
			l.handOff(pair)
			return
		}
		l.armTimer(pair, d)
	case link.More, link.NeedRun:
		l.handOff(pair)
	case link.Aborting:
		l.finishSession(pair, link.Aborted)
	case link.Closing:
		l.finishSession(pair, link.Close)
	case link.Resetting:
		pair.resetting, pair.resetFrom = true, d
		l.finishReset(pair)
	case link.Finished:
		if pair.endPassed[d] = true; pair.endPassed[o] {
			l.finishSession(pair, link.Ended)
			return
		}
		l.setHalfClosed(pair, true)
		if !s.links[d].StepsEnded() { // by a toxic: what else comes is dropped
			l.afterStep(pair, d, s.links[d].StepOnce(pair.fds[d], pair.fds[o], l.buffer, true))
		}
	}
}

// finishSession ends a connection, of which nothing is left to pass on. What a close would
// have to wait for, a goroutine does.
func (l *loop) finishSession(pair *loopSession, how link.Outcome) {
	l.unregisterSession(pair)
	s := pair.session
	s.setOutcome(how)
	if how == link.Aborted || how == link.Ended && s.hasOnlyEnds() {
		s.closeSession(how)
	} else {
		for _, fd := range pair.fds {
			l.forgetFD(fd)
		}
		s.proxy.wg.Go(func() { s.closeSession(how) })
	}
	s.proxy.wg.Done()
}

// handOff has goroutines go on with a connection.
func (l *loop) handOff(pair *loopSession) {
	l.unregisterSession(pair)
	for _, fd := range pair.fds {
		l.forgetFD(fd)
	}
	l.spawnSession(pair)
	pair.session.proxy.wg.Done()
}

// spawnSession has goroutines carry a connection that the loop knows nothing of.
func (l *loop) spawnSession(pair *loopSession) {
	l.handedOff = true
	l.all.handOffs.Add(1)
	for _, side := range pair.session.sides() {
		_, _ = side.Conn.(*rawConn).registerPoller()
	}
	pair.session.proxy.wg.Go(pair.session.serveConnected)
}
