package proxy

import (
	"container/heap"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sockharness/harness/harness/event"
)

// An alarm says when something that is held in a direction of a connection is due.
type alarm struct {
	at    time.Time
	pair  *pairing
	from  event.Direction
	index int // in the heap
}

// alarms is a heap by time.
type alarms []*alarm

func (a alarms) Len() int           { return len(a) }
func (a alarms) Less(i, j int) bool { return a[i].at.Before(a[j].at) }

func (a alarms) Swap(i, j int) {
	a[i], a[j] = a[j], a[i]
	a[i].index, a[j].index = i, j
}

func (a *alarms) Push(x any) {
	x.(*alarm).index = len(*a)
	*a = append(*a, x.(*alarm))
}

func (a *alarms) Pop() any {
	last := len(*a) - 1
	x := (*a)[last]
	(*a)[last] = nil
	*a = (*a)[:last]
	return x
}

// alarm sees that what the direction holds is sent when it is due.
func (l *loop) alarm(pair *pairing, d event.Direction) {
	if pair.alarms[d] != nil {
		return
	}
	if at, held := pair.session.links[d].Due(); held {
		pair.alarms[d] = &alarm{at: at, pair: pair, from: d}
		heap.Push(&l.alarms, pair.alarms[d])
	}
}

// silence forgets the alarms of a connection.
func (l *loop) silence(pair *pairing) {
	for d, a := range pair.alarms {
		if a != nil {
			heap.Remove(&l.alarms, a.index)
			pair.alarms[d] = nil
		}
	}
}

// ring sends what is due, and sets the timer to what will be next.
func (l *loop) ring() {
	now := time.Now()
	for len(l.alarms) > 0 && !l.alarms[0].at.After(now) {
		a := heap.Pop(&l.alarms).(*alarm)
		a.pair.alarms[a.from] = nil
		l.goOnBy(a.pair, a.from, a.pair.session.links[a.from].Release(a.pair.fds[a.from.Opposite()]))
	}
	if len(l.alarms) > 0 && l.alarms[0].at != l.armed {
		l.armed = l.alarms[0].at
		in := max(time.Until(l.armed), 1) // 0 would disarm it
		_ = unix.TimerfdSettime(l.timer, 0, &unix.ItimerSpec{Value: unix.NsecToTimespec(in.Nanoseconds())}, nil)
	}
}

// soon returns how many ms there are until the next alarm, rounded up, and 0 if
// that is longer than a thread should be held for.
func (l *loop) soon() int {
	if len(l.alarms) == 0 {
		return 0
	}
	if in := time.Until(l.alarms[0].at); in < loopSoon {
		return int(max(in, 0)/time.Millisecond) + 1
	}
	return 0
}
