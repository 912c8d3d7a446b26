package datagram

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/sockharness/harness/harness/event"
)

// A table holds the associations that there are.
type table struct {
	limit int
	idle  time.Duration // negative: none expires

	mu   sync.Mutex // guards what follows
	open map[key]*association
	next uint64
	past [2]Traffic // of those that are over
}

func newTable(limit int, idle time.Duration) *table {
	return &table{limit: limit, idle: idle, open: map[key]*association{}}
}

func (t *table) findKey(k key) *association {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.open[k]
}

// addKey makes the association of a key. Another one, which has to be ended because
// of that, is returned too.
func (t *table) addKey(k key, found func(id uint64) *association) (made, evicted *association) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.open) >= t.limit {
		for _, a := range t.open {
			if evicted == nil || a.last.Load() < evicted.last.Load() {
				evicted = a
			}
		}
	}
	t.next++
	made = found(t.next)
	t.open[k] = made
	return made, evicted
}

// made returns how many there were.
func (t *table) made() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.next
}

// removeAssociation forgets an association that is over, and keeps what it has carried.
func (t *table) removeAssociation(a *association) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.open[a.key] == a {
		delete(t.open, a.key)
	}
	for d, l := range a.links {
		t.past[d].addTraffic(l.carriedTraffic())
	}
}

// allSorted returns the associations in the order of their numbers.
func (t *table) allSorted() []*association {
	t.mu.Lock()
	list := make([]*association, 0, len(t.open))
	for _, a := range t.open {
		list = append(list, a)
	}
	t.mu.Unlock()
	slices.SortFunc(list, func(a, b *association) int { return cmp.Compare(a.id, b.id) })
	return list
}

// carriedTraffic sums what went in one direction.
func (t *table) carriedTraffic(d event.Direction) Traffic {
	t.mu.Lock()
	defer t.mu.Unlock()
	sum := t.past[d]
	for _, a := range t.open {
		sum.addTraffic(a.links[d].carriedTraffic())
	}
	return sum
}

// expireIdle ends associations that are idle until the context ends.
func (t *table) expireIdle(ctx context.Context, since time.Time) {
	if t.idle < 0 {
		return
	}
	timer := time.NewTimer(t.idle)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		timer.Reset(t.sweepIdle(time.Since(since)))
	}
}

// sweepIdle ends those that are idle by now, and returns when to look again.
func (t *table) sweepIdle(now time.Duration) (again time.Duration) {
	again = t.idle
	for _, a := range t.allSorted() {
		left := time.Duration(a.last.Load()) + t.idle - now
		switch {
		case left > 0:
			again = min(again, left)
		case a.holdsPackets():
			a.noteActivity()
		default:
			a.endAssociation(event.Expire, fmt.Sprintf("idle for %v", t.idle))
		}
	}
	return again
}
