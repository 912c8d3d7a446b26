package datagram

import (
	"bytes"
	"slices"
	"sync/atomic"
	"time"

	"github.com/sockharness/harness/toxics/spec"
)

// A triggerWatch watches the packets of one stage for its trigger.
type triggerWatch struct {
	spec.Trigger
	opened   time.Time // when the stage was
	opposite *link
	sighting *sighting // of Opposite
	seen     int64     // packets
	bytes    int64     // of their payloads
	fired    bool
}

// A sighting waits for a packet with a pattern, in the opposite direction.
type sighting struct {
	pattern []byte
	made    atomic.Bool
}

func newCue(t spec.Trigger, opposite *link, now time.Time) triggerWatch {
	c := triggerWatch{Trigger: t, opened: now, opposite: opposite}
	if t.Opposite != nil {
		c.sighting = &sighting{pattern: t.Opposite}
		var all []*sighting
		if before := opposite.watched.Load(); before != nil {
			all = slices.DeleteFunc(slices.Clone(*before), func(s *sighting) bool { return s.made.Load() })
		}
		all = append(all, c.sighting)
		opposite.watched.Store(&all)
	}
	return c
}

// scanPatterns looks for the patterns that the opposite direction waits for.
func (l *link) scanPatterns(data []byte) {
	all := l.watched.Load()
	if all == nil {
		return
	}
	for _, s := range *all {
		if !s.made.Load() && bytes.Contains(data, s.pattern) {
			s.made.Store(true)
		}
	}
}

// reachedBy reports whether a packet is not before the trigger, and whether the
// trigger is in this one.
func (c *triggerWatch) reachedBy(p packet, at time.Time) (from, here bool) {
	before := c.bytes
	c.seen++
	c.bytes += int64(len(p.data))
	switch {
	case c.IsZero():
		return true, true
	case c.Pattern != nil:
		here = bytes.Contains(p.data, c.Pattern)
		c.fired = c.fired || here
		return c.fired, here
	case c.fired:
		return true, false
	case c.Byte != nil:
		c.fired = before <= *c.Byte && *c.Byte < c.bytes
	case c.Segment > 0:
		c.fired = c.seen >= int64(c.Segment)
	case c.After > 0:
		c.fired = at.Sub(c.opened) >= c.After
	case c.Event == "answer":
		c.fired = c.opposite.flowed.Load()
	case c.sighting != nil:
		c.fired = c.sighting.made.Load()
	default: // open and accept
		c.fired = true
	}
	return c.fired, c.fired
}
