package datagram

import (
	"bytes"
	"time"

	"github.com/sockharness/harness/toxics"
)

// A cue watches the packets of one stage for its trigger.
type cue struct {
	toxics.Trigger
	opened   time.Time   // when the stage was
	answered func() bool // whether the opposite direction has carried anything
	seen     int64       // packets
	bytes    int64       // of their payloads
	fired    bool
}

// reached reports whether a packet is not before the trigger, and whether the
// trigger is in this one.
func (c *cue) reached(p packet, at time.Time) (from, here bool) {
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
		c.fired = c.answered()
	default: // open and accept
		c.fired = true
	}
	return c.fired, c.fired
}
