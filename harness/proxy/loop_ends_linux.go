package proxy

import (
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/link"
)

// resetPoll is how often the kernel is asked whether a peer has everything that comes
// before a reset. It gives no event.
const resetPoll = time.Millisecond

// finishReset resets both sides of a connection, once everything has arrived.
func (l *loop) finishReset(pair *loopSession) {
	d := pair.resetFrom
	if pair.session.links[d].ResetDue(pair.fds[d.Opposite()]) {
		l.finishSession(pair, link.Aborted)
		return
	}
	l.disarmTimers(pair)
	pair.timers[d] = l.alarms.Add(time.Now().Add(resetPoll), holder{pair, d})
}

// A halfState is what is known of a connection that is open in one direction only.
type halfState struct {
	tick    uint64 // at which something was last known to have moved
	carried int64
}

// setHalfClosed keeps whether a connection is open in one direction only.
func (l *loop) setHalfClosed(pair *loopSession, yes bool) {
	if yes {
		pair.half = halfState{tick: l.ticks.Load(), carried: pair.session.bytesCarried()}
		l.halves[pair] = struct{}{}
	} else {
		delete(l.halves, pair)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.halved = len(l.halves)
}

// checkHalf ends a connection that is open in one direction only and has been silent for
// its proxy's limit. One that a tick is too coarse for, a goroutine does.
func (l *loop) checkHalf(pair *loopSession, now uint64) {
	s := pair.session
	limit := s.proxy.cfg.HalfCloseIdle
	if limit <= 0 {
		return
	}
	if now-pair.half.tick > 1 && limit < 2*maxIdleChecks*checkPeriod {
		l.handOff(pair)
		return
	}
	if n := s.bytesCarried(); n != pair.half.carried {
		pair.half = halfState{now, n}
		return
	}
	if time.Duration(now-pair.half.tick)*checkPeriod < limit {
		return
	}
	l.unregisterSession(pair)
	for _, fd := range pair.fds {
		l.forgetFD(fd)
	}
	s.proxy.wg.Go(func() { s.closeSession(s.finalOutcome()) })
	s.proxy.wg.Done()
}

// A bulkMeter tells a direction that carries bulk.
type bulkMeter struct {
	tick  uint64
	bytes int64 // read by then
	reads int64 // since
}

// isBulk is asked after each step of a direction.
func (p *loopSession) isBulk(d event.Direction, now uint64) bool {
	m, got := &p.meters[d], p.session.links[d].ReceivedBytes()
	if m.tick != now || m.reads == 0 {
		*m = bulkMeter{tick: now, bytes: got}
	}
	m.reads++
	return isBulk(got-m.bytes, m.reads)
}
