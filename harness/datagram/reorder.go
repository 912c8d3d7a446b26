package datagram

import (
	"fmt"
	"time"

	"github.com/sockharness/harness/harness/plural"
)

// A reorder holds one packet at a time and lets others overtake it.
type reorder struct {
	positions int64
	hold      time.Duration

	held      *packet
	until     time.Time
	overtaken int64
}

func (r *reorder) isReady() bool { return r.held == nil }

func (r *reorder) strikePacket(_ *stage, p packet, at time.Time, _ pass) {
	r.held, r.until, r.overtaken = &p, at.Add(r.hold), 0
}

func (r *reorder) skipPacket(w *stage, p packet, at time.Time, next pass) {
	next(p, at)
	if r.held == nil {
		return
	}
	if r.overtaken++; r.overtaken == r.positions {
		r.releaseHeld(w, at, next)
	}
}

func (r *reorder) releaseHeld(w *stage, at time.Time, next pass) {
	p := *r.held
	r.held = nil
	if r.overtaken > 0 {
		w.reportStruck(p, fmt.Sprintf("datagram %d (%s) overtaken by %d", p.number, plural.Count(len(p.data), "byte"), r.overtaken))
	}
	next(p, at)
}

func (r *reorder) nextDue() time.Time {
	if r.held == nil {
		return time.Time{}
	}
	return r.until
}

func (r *reorder) wakeDue(w *stage, at time.Time, next pass) {
	if r.held != nil && !r.until.After(at) {
		r.releaseHeld(w, at, next)
	}
}

func (r *reorder) flushAll() []packet {
	if r.held == nil {
		return nil
	}
	p := *r.held
	r.held = nil
	return []packet{p}
}
