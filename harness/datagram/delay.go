package datagram

import (
	"fmt"
	"time"

	"github.com/sockharness/harness/toxics"
)

// A latency delays packets.
type latency struct {
	mean, jitter int64 // ms
	distribution string
	overtake     bool

	queue
	last time.Time // when the last packet goes, while order is kept
}

func (*latency) ready() bool { return true }

func (l *latency) strike(w *stage, p packet, at time.Time, next pass) {
	delay := toxics.Delay(l.mean, l.jitter, l.distribution, w.chance)
	if !l.started {
		l.started = true
		w.report(p, fmt.Sprintf("datagrams are delayed by %d ± %d ms", max(l.mean, 0), max(l.jitter, 0)))
	}
	l.pass(w, p, at, at.Add(delay), next)
}

func (l *latency) skip(w *stage, p packet, at time.Time, next pass) { l.pass(w, p, at, at, next) }

// pass hands a packet on when its time has come.
func (l *latency) pass(w *stage, p packet, now, at time.Time, next pass) {
	if !l.overtake && at.Before(l.last) {
		at = l.last
	}
	if !at.After(now) {
		next(p, at)
		return
	}
	l.last = at
	if !l.put(p, at) {
		w.overflow(p)
	}
}

// A bandwidth spaces packets.
type bandwidth struct {
	rate int64 // bytes a second; 0: none
	room int64 // how much payload waits at most

	queue
	free time.Time // when the next packet may go
}

func (*bandwidth) ready() bool { return true }

func (b *bandwidth) strike(w *stage, p packet, at time.Time, next pass) {
	if !b.started {
		b.started = true
		w.report(p, fmt.Sprintf("limited to %d KB/s", b.rate/1000))
	}
	if b.rate > 0 && !b.free.After(at) {
		b.free = at.Add(b.takes(p))
		next(p, at)
		return
	}
	start := never
	if b.rate > 0 {
		start = b.free
	}
	if b.bytes+int64(len(p.data)) > b.room || !b.put(p, start) {
		w.overflow(p)
		return
	}
	b.free = b.free.Add(b.takes(p))
}

// takes returns for how long a packet keeps the line busy.
func (b *bandwidth) takes(p packet) time.Duration {
	if b.rate == 0 {
		return 0
	}
	return time.Duration(int64(len(p.data)) * int64(time.Second) / b.rate)
}

func (b *bandwidth) skip(_ *stage, p packet, at time.Time, next pass) { next(p, at) }

// overflow reports that a packet is lost for want of room.
func (s *stage) overflow(p packet) {
	s.report(p, fmt.Sprintf("datagram %d of %d bytes lost: no more is held", p.number, len(p.data)))
}
