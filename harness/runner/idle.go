package runner

import (
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/probe"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/toxics"
)

const (
	// settled is for how long nothing must have happened on our side before a
	// peer that waits may be waiting for ever.
	settled = 150 * time.Millisecond
	// holding is the same where a fault of ours may hold data or a reset back for
	// as long as the receiver does not read (link.Patience, 2 s).
	holding = 2300 * time.Millisecond
	// hungry is how long a thread of ours may have waited for a processor in that
	// time: else it may be we who are about to act.
	hungry = 30 * time.Millisecond
)

// An idleness tells whether nothing is under way on our side of a variant.
type idleness struct {
	log   *event.Log
	after time.Duration

	seen  int64
	since time.Time
	ours  map[int]probe.Turn
}

// newIdleness returns nil where what the peers wait for cannot be told.
func newIdleness(log *event.Log, v scenario.Variant, t scenario.Target) *idleness {
	if t.Server.Address != "" {
		return nil // the server is a process that we do not know
	}
	after := settled
	if v.OpenAfter > 0 {
		after = holding
	}
	for _, f := range v.Faults {
		if holds(f) {
			after = holding
		}
	}
	return &idleness{log: log, after: after, seen: -1}
}

// holds reports whether the fault may act later, by a clock of its own.
func holds(f toxics.Spec) bool {
	switch f.Type {
	case "half_close":
		waits, _ := f.Attributes["after_read"].(bool)
		return waits
	case "stall":
		return !endless(f)
	case "small_window":
		waits, _ := f.Attributes["hold"].(bool)
		return waits
	case "timeout":
		_, ends := f.Attributes["timeout"]
		return ends
	}
	return f.Type != "vanish"
}

// endless reports whether the fault leaves unread, for ever, what its source sends.
func endless(f toxics.Spec) bool {
	_, ends := f.Attributes["duration"]
	return f.Type == "stall" && !ends
}

// idle is for one goroutine.
func (i *idleness) idle() bool {
	if n := i.log.Len(); n != i.seen {
		i.seen, i.since, i.ours = n, time.Now(), ourThreads()
		return false
	}
	if time.Since(i.since) < i.after {
		return false
	}
	now := ourThreads()
	if since(i.ours, now).waited > hungry {
		i.since, i.ours = time.Now(), now
		return false
	}
	return true
}
