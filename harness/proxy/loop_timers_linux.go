package proxy

import (
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/link"
)

// A holder is a direction of a connection in which something is held.
type holder struct {
	pair *loopSession
	from event.Direction
}

// armTimer sees that what the direction holds is sent when it is due.
func (l *loop) armTimer(pair *loopSession, d event.Direction) {
	at, held := pair.session.links[d].NextDue()
	if a := pair.timers[d]; a != nil {
		if held && a.At.Equal(at) {
			return
		}
		l.alarms.Remove(a)
		pair.timers[d] = nil
	}
	if held {
		pair.timers[d] = l.alarms.Add(at, holder{pair, d})
	}
}

// disarmTimers forgets the alarms of a connection.
func (l *loop) disarmTimers(pair *loopSession) {
	for d, a := range pair.timers {
		if a != nil {
			l.alarms.Remove(a)
			pair.timers[d] = nil
		}
	}
}

// releaseDue sends what is due, and sets the timer to what will be next.
func (l *loop) releaseDue() {
	if l.alarms.Next() == nil {
		return
	}
	now := time.Now()
	for a := l.alarms.Due(now); a != nil; a = l.alarms.Due(now) {
		pair, d := a.What.pair, a.What.from
		pair.timers[d] = nil
		if pair.resetting {
			l.finishReset(pair)
			continue
		}
		l.release(pair, d)
	}
	if next := l.alarms.Next(); next != nil && next.At != l.armed {
		l.armed = next.At
		link.SetTimer(l.timer, next.At)
	}
}

// release sends what is due of one direction, and reads on if there is room for more.
func (l *loop) release(pair *loopSession, d event.Direction) {
	from, src, dst := pair.session.links[d], pair.fds[d], pair.fds[d.Opposite()]
	made := from.ReleaseDue(dst)
	if made == link.WouldBlock && from.TakesMore() {
		made = from.StepOnce(src, dst, l.buffer, true)
	}
	l.afterStep(pair, d, made)
}

// nextTimeout returns how many ms there are until the next alarm, rounded up, and 0 if
// that is longer than a thread should be held for.
func (l *loop) nextTimeout() int {
	next := l.alarms.Next()
	if next == nil {
		return 0
	}
	if in := time.Until(next.At); in < loopSoon {
		return int(max(in, 0)/time.Millisecond) + 1
	}
	return 0
}
