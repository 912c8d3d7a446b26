package proxy

import (
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/link"
)

// A holder is a direction of a connection in which something is held.
type holder struct {
	pair *pairing
	from event.Direction
}

// alarm sees that what the direction holds is sent when it is due.
func (l *loop) alarm(pair *pairing, d event.Direction) {
	if pair.alarms[d] != nil {
		return
	}
	if at, held := pair.session.links[d].Due(); held {
		pair.alarms[d] = l.alarms.Add(at, holder{pair, d})
	}
}

// silence forgets the alarms of a connection.
func (l *loop) silence(pair *pairing) {
	for d, a := range pair.alarms {
		if a != nil {
			l.alarms.Remove(a)
			pair.alarms[d] = nil
		}
	}
}

// ring sends what is due, and sets the timer to what will be next.
func (l *loop) ring() {
	if l.alarms.Next() == nil {
		return
	}
	now := time.Now()
	for a := l.alarms.Due(now); a != nil; a = l.alarms.Due(now) {
		pair, d := a.What.pair, a.What.from
		pair.alarms[d] = nil
		l.goOnBy(pair, d, pair.session.links[d].Release(pair.fds[d.Opposite()]))
	}
	if next := l.alarms.Next(); next != nil && next.At != l.armed {
		l.armed = next.At
		link.SetTimer(l.timer, next.At)
	}
}

// soon returns how many ms there are until the next alarm, rounded up, and 0 if
// that is longer than a thread should be held for.
func (l *loop) soon() int {
	next := l.alarms.Next()
	if next == nil {
		return 0
	}
	if in := time.Until(next.At); in < loopSoon {
		return int(max(in, 0)/time.Millisecond) + 1
	}
	return 0
}
