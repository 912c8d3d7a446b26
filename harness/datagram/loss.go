package datagram

import (
	"fmt"
	"slices"
	"time"

	"github.com/sockharness/harness/harness/plural"
)

// A drop loses packets.
type drop struct {
	direct
	burst int64
	left  int64 // of the burst that is going on
}

func (d *drop) strikePacket(w *stage, p packet, _ time.Time, _ pass) {
	d.left = d.burst
	d.reportLost(w, p)
}

func (d *drop) skipPacket(w *stage, p packet, at time.Time, next pass) {
	if d.left == 0 {
		next(p, at)
		return
	}
	d.reportLost(w, p)
}

func (d *drop) reportLost(w *stage, p packet) {
	d.left--
	w.reportStruck(p, fmt.Sprintf("datagram %d (%s) dropped", p.number, plural.Count(len(p.data), "byte")))
}

// A loss loses packets, rather behind another one that was lost.
type loss struct {
	direct
	rate, correlation float64
	before            bool // the last one was lost
}

func (l *loss) strikePacket(w *stage, p packet, at time.Time, next pass) {
	rate := l.rate
	if l.before {
		rate += l.correlation
	}
	if l.before = w.chance.Float64() < rate; !l.before {
		next(p, at)
		return
	}
	w.reportStruck(p, fmt.Sprintf("datagram %d (%s) lost", p.number, plural.Count(len(p.data), "byte")))
}

// A duplicate sends packets again.
type duplicate struct {
	direct
	copies int
}

func (d *duplicate) strikePacket(w *stage, p packet, at time.Time, next pass) {
	w.reportStruck(p, fmt.Sprintf("datagram %d (%s) sent %d times", p.number, plural.Count(len(p.data), "byte"), d.copies+1))
	again := slices.Clone(p.data) // a toxic behind this one may change what it is given
	next(p, at)
	for range d.copies {
		next(packet{slices.Clone(again), p.number, p.offset}, at)
	}
}
