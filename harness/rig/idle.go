package rig

import (
	"slices"
	"time"

	"github.com/sockharness/harness/harness/await"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/toxics/spec"
)

const (
	// quietPeriod is for how long nothing must have happened on our side before a
	// peer that waits may be waiting forever.
	quietPeriod = 150 * time.Millisecond
	// quietPeriodHeld is the same where a fault of ours may hold data or a reset back for
	// as long as the receiver does not read (link.Timeouts, 2 s).
	quietPeriodHeld = 2300 * time.Millisecond
	// maxOwnCPUWait is how long a thread of ours may have waited for a processor in that
	// time: else it may be we who are about to act.
	maxOwnCPUWait = 30 * time.Millisecond
)

// An idleDetector tells whether nothing is under way on our side of a variant.
type idleDetector struct {
	log   *event.Log
	aside func() int64 // grows with what happens that the log does not have; nil: it has all
	after time.Duration

	boundaries int // that a fault asks for on the first connection: nothing is held back once all are passed; 0: that is not known

	seen  int64
	since time.Time
	ours  await.ThreadStats
}

// newIdleDetector returns nil where what the peers wait for cannot be told.
func newIdleDetector(log *event.Log, v scenario.Variant, t scenario.Target) *idleDetector {
	if t.Server.Address != "" {
		return nil // the server is a process that we do not know
	}
	after := quietPeriod
	if v.AcceptAfter > 0 || len(v.Profile) > 0 {
		after = quietPeriodHeld
	}
	boundaries := 0
	for _, f := range v.Faults {
		if mayActLater(f) {
			after = quietPeriodHeld
		}
		if offsets, ok := f.Attributes["offsets"].([]int64); ok && len(v.Faults) == 1 && f.Type == "slice" {
			boundaries = len(offsets)
		}
	}
	return &idleDetector{log: log, after: after, boundaries: boundaries, seen: -1}
}

// mayActLater reports whether the fault may act later, by a clock of its own.
func mayActLater(f spec.Spec) bool {
	switch f.Type {
	case "half_close":
		waits, _ := f.Attributes["after_read"].(bool)
		return waits
	case "stall":
		return !leavesUnread(f)
	case "small_window":
		waits, _ := f.Attributes["hold"].(bool)
		return waits
	case "timeout":
		_, ends := f.Attributes["timeout"]
		return ends
	}
	return !slices.Contains([]string{"vanish", "drop", "duplicate", "truncate"}, f.Type)
}

// leavesUnread reports whether the fault leaves unread, forever, what its source sends.
func leavesUnread(f spec.Spec) bool {
	_, ends := f.Attributes["duration"]
	return f.Type == "stall" && !ends
}

// isQuiet is for one goroutine.
func (i *idleDetector) isQuiet() bool {
	n := i.log.EventCount()
	if i.aside != nil {
		n += i.aside()
	}
	if n != i.seen {
		i.seen, i.since, i.ours = n, time.Now(), await.OwnThreadStats()
		return false
	}
	if quiet := time.Since(i.since); quiet < min(i.after, quietPeriod) || quiet < i.after && !i.allPassed() {
		return false
	}
	now := await.OwnThreadStats()
	if now.GrowthSince(i.ours).Waited > maxOwnCPUWait {
		i.since, i.ours = time.Now(), now
		return false
	}
	return true
}

// allPassed reports whether all boundaries that the fault asks for are behind the only
// connection that there was, so that it holds nothing back any more.
func (i *idleDetector) allPassed() bool {
	if i.boundaries == 0 {
		return false
	}
	passed := 0
	for _, e := range i.log.AllEvents() {
		switch {
		case e.Conn > 1:
			return false
		case e.Kind == event.BoundaryRead:
			passed++
		}
	}
	return passed >= i.boundaries
}
