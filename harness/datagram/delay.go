package datagram

import (
	"fmt"
	"time"

	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/seed"
)

// A latency delays packets.
type latency struct {
	mean, jitter time.Duration
	distribution string
	overtake     bool

	queue
	last time.Time // when the last packet goes, while order is kept
}

func (*latency) isReady() bool { return true }

func (l *latency) strikePacket(w *stage, p packet, at time.Time, next pass) {
	delay := seed.DrawDelay(l.mean, l.jitter, l.distribution, w.chance)
	if !l.started {
		l.started = true
		w.reportStruck(p, fmt.Sprintf("datagrams are delayed by %v ± %v ms", toMillis(l.mean), toMillis(l.jitter)))
	}
	l.passAt(w, p, at, at.Add(delay), next)
}

// toMillis returns milliseconds, with the part below one; less than nothing is 0.
func toMillis(d time.Duration) float64 { return float64(max(d, 0)) / float64(time.Millisecond) }

func (l *latency) skipPacket(w *stage, p packet, at time.Time, next pass) {
	l.passAt(w, p, at, at, next)
}

// passAt hands a packet on when its time has come.
func (l *latency) passAt(w *stage, p packet, now, at time.Time, next pass) {
	if !l.overtake && at.Before(l.last) {
		at = l.last
	}
	if !at.After(now) {
		next(p, at)
		return
	}
	l.last = at
	if !l.holdUntil(p, at) {
		w.reportOverflow(p)
	}
}

// A bandwidth spaces packets.
type bandwidth struct {
	rate int64 // bytes a second; 0: none
	room int64 // how much payload waits at most

	queue
	free time.Time // when the next packet may go
}

func (*bandwidth) isReady() bool { return true }

func (b *bandwidth) strikePacket(w *stage, p packet, at time.Time, next pass) {
	if !b.started {
		b.started = true
		w.reportStruck(p, fmt.Sprintf("limited to %d KB/s", b.rate/1000))
	}
	if b.rate > 0 && !b.free.After(at) {
		b.free = at.Add(b.lineTime(p))
		next(p, at)
		return
	}
	start := never
	if b.rate > 0 {
		start = b.free
	}
	if b.bytes+int64(len(p.data)) > b.room || !b.holdUntil(p, start) {
		w.reportOverflow(p)
		return
	}
	b.free = b.free.Add(b.lineTime(p))
}

// lineTime returns for how long a packet keeps the line busy.
func (b *bandwidth) lineTime(p packet) time.Duration {
	if b.rate == 0 {
		return 0
	}
	return time.Duration(int64(len(p.data)) * int64(time.Second) / b.rate)
}

func (b *bandwidth) skipPacket(_ *stage, p packet, at time.Time, next pass) { next(p, at) }

// reportOverflow reports that a packet is lost for want of room.
func (s *stage) reportOverflow(p packet) {
	s.reportStruck(p, fmt.Sprintf("datagram %d (%s) lost: the queue is full", p.number, plural.Count(len(p.data), "byte")))
}
