package engine

import (
	"bytes"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/toxics/hook"
	"github.com/sockharness/harness/toxics/spec"
)

// A triggerWatch watches one link for its trigger.
type triggerWatch struct {
	spec.Trigger
	failure  []int       // of Pattern: length of the longest proper border of each prefix
	matched  int         // how much of Pattern the bytes so far end with
	segments int         // how many segments have arrived
	frames   *frameWatch // nil: not of Frame
	fireCh   <-chan struct{}
	deadline time.Time
}

// newTriggerWatch starts watching; f is at the start of the stream.
func newTriggerWatch(t spec.Trigger, f *Flow) *triggerWatch {
	c := &triggerWatch{Trigger: t}
	if len(t.Pattern) > 0 {
		c.failure = patternBorders(t.Pattern)
	}
	if t.Frame > 0 {
		c.frames = newFrameWatch(t)
	}
	if t.After > 0 {
		c.deadline = time.Now().Add(t.After)
	}
	switch t.Event {
	case "accept":
		c.fireCh = f.Link.EventHappened(event.Accept)
	case "fin":
		c.fireCh = f.Link.EventHappened(event.FIN)
	case "rst":
		c.fireCh = f.Link.EventHappened(event.RST)
	case "answer":
		if w, ok := f.Link.(hook.ReplyNotifier); ok {
			c.fireCh = w.ReplyStarted()
		}
	}
	return c
}

// patternBorders returns the failure function of Knuth, Morris and Pratt.
func patternBorders(pattern []byte) []int {
	failure := make([]int, len(pattern))
	for i, k := 1, 0; i < len(pattern); i++ {
		for k > 0 && pattern[i] != pattern[k] {
			k = failure[k-1]
		}
		if pattern[i] == pattern[k] {
			k++
		}
		failure[i] = k
	}
	return failure
}

// reachedAt reports whether the trigger is reached with nothing more arriving.
func (c *triggerWatch) reachedAt(offset int64) bool {
	switch {
	case c.IsZero() || c.Event == "open":
		return true
	case c.Byte != nil:
		return offset >= *c.Byte
	case !c.deadline.IsZero():
		return !time.Now().Before(c.deadline)
	}
	return c.hasFired()
}

// hasFired reports whether the event has happened.
func (c *triggerWatch) hasFired() bool {
	select {
	case <-c.fireCh:
		return true
	default:
		return false
	}
}

// FindIn returns how many bytes of a segment at offset pass before the trigger,
// and whether the trigger is in it at all.
func (c *triggerWatch) FindIn(offset int64, data []byte) (int, bool) {
	c.segments++
	switch {
	case c.Byte != nil && offset+int64(len(data)) >= *c.Byte:
		return int(*c.Byte - offset), true
	case c.Segment > 0:
		return 0, c.segments == c.Segment
	case c.frames != nil:
		return c.frames.findIn(data)
	case len(c.Pattern) > 0:
		return c.matchPattern(data)
	}
	return len(data), false
}

// matchPattern feeds data to the automaton; it returns the index after the pattern.
func (c *triggerWatch) matchPattern(data []byte) (int, bool) {
	for i := 0; i < len(data); i++ {
		if c.matched == 0 {
			skip := bytes.IndexByte(data[i:], c.Pattern[0])
			if skip < 0 {
				break
			}
			i += skip
		}
		b := data[i]
		for c.matched > 0 && b != c.Pattern[c.matched] {
			c.matched = c.failure[c.matched-1]
		}
		if b == c.Pattern[c.matched] {
			c.matched++
		}
		if c.matched == len(c.Pattern) {
			return i + 1, true
		}
	}
	return len(data), false
}
