package api

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sockharness/harness/harness/event"
)

const (
	keptEvents   = 4096    // that the history holds at least, once there were so many
	maxLag       = 1 << 17 // events that wait for a reader who reads slowly; more are lost to him
	eventsABlock = 256

	// stalledWrite is how long one write to a reader may take before he counts as one who reads
	// nothing. Then no more waits for him than the history holds.
	stalledWrite = 2 * time.Second
)

// A history numbers the events of all proxies, keeps the last of them, and lets
// readers follow. Blocks that only a reader still wants live until he has read them.
type history struct {
	start     time.Time
	wantBytes atomic.Int32 // readers who want event.Bytes too; without any, none is kept

	mu         sync.Mutex // guards what follows
	head, tail *eventBlock
	last       uint64 // number of the last event
	readers    []*eventReader
}

// An eventBlock holds the events that are numbered from first on.
type eventBlock struct {
	first  uint64
	events []event.Event
	next   *eventBlock
}

// An eventReader is somebody who follows a history.
type eventReader struct {
	want  eventFilter
	wake  chan struct{} // capacity 1: there may be something new
	block *eventBlock   // that holds the next one, or comes before it
	read  uint64        // number of the last event that was read or lost

	writing atomic.Int64 // since when what he got is being written to him, Unix ns; 0: it is not
}

// beginWrite says that what the reader got is being written to him, until end is called.
func (r *eventReader) beginWrite() (end func()) {
	r.writing.Store(time.Now().UnixNano())
	return func() { r.writing.Store(0) }
}

// isStalled reports whether he reads nothing.
func (r *eventReader) isStalled(now time.Time) bool {
	since := r.writing.Load()
	return since != 0 && now.UnixNano()-since > int64(stalledWrite)
}

// A gap is what a reader has lost, by numbers.
type gap struct {
	Events uint64 `json:"events"`
	First  uint64 `json:"first_id"`
	Last   uint64 `json:"last_id"`
}

func newHistory(start time.Time) *history {
	b := &eventBlock{first: 1}
	return &history{start: start, head: b, tail: b}
}

// publishEvent numbers an event and hands it on. It does not block.
func (h *history) publishEvent(e event.Event) {
	if e.Kind == event.Bytes && h.wantBytes.Load() == 0 {
		return
	}
	now := time.Now()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.last++
	e.ID, e.At, e.Time = h.last, now.Sub(h.start), now.Round(0).UTC()
	if len(h.tail.events) == eventsABlock {
		h.tail.next = &eventBlock{first: h.last, events: make([]event.Event, 0, eventsABlock)}
		h.tail = h.tail.next
		h.trimLocked(now)
	}
	h.tail.events = append(h.tail.events, e)
	for _, r := range h.readers {
		select {
		case r.wake <- struct{}{}:
		default:
		}
	}
}

// trimLocked lets go of what is neither history nor waited for.
func (h *history) trimLocked(now time.Time) {
	for h.head.next != nil && h.last-h.head.next.first >= keptEvents {
		h.head = h.head.next
	}
	for _, r := range h.readers {
		if lag := h.last - r.read; lag > maxLag || lag > keptEvents && r.isStalled(now) {
			r.block = h.head
		}
	}
}

// lastID returns the number of the last event, 0 if there was none.
func (h *history) lastID() uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.last
}

// follow makes a reader of the events after since. Leave must be called.
func (h *history) follow(want eventFilter, since uint64) (r *eventReader, leave func()) {
	r = &eventReader{want: want, wake: make(chan struct{}, 1), read: since}
	if want.bytes {
		h.wantBytes.Add(1)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if r.block = h.head; since >= h.tail.first {
		r.block = h.tail
	}
	h.readers = append(h.readers, r)
	return r, func() {
		if want.bytes {
			h.wantBytes.Add(-1)
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		h.readers = slices.DeleteFunc(h.readers, func(other *eventReader) bool { return other == r })
	}
}

// nextEvents returns some of the events that the reader has not seen, those included
// that he does not want, and before them what is lost to him. Done says that there is no
// more for now. The list is the history's own: nobody may change it.
func (h *history) nextEvents(r *eventReader) (list []event.Event, lost *gap, done bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for r.block.next != nil && r.read+1 >= r.block.first+uint64(len(r.block.events)) {
		r.block = r.block.next
	}
	b := r.block
	if first := b.first; r.read+1 < first {
		lost = &gap{Events: first - 1 - r.read, First: r.read + 1, Last: first - 1}
		r.read = first - 1
	}
	list = b.events[min(int(r.read+1-b.first), len(b.events)):]
	r.read += uint64(len(list))
	return list, lost, r.read == h.last
}
