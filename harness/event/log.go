package event

import (
	"context"
	"sync"
	"time"
)

// A Sink takes events as they happen. It must not block; it may be called from
// many goroutines.
type Sink func(Event)

// Emit hands e to the sink. A nil sink drops it.
func (s Sink) Emit(e Event) {
	if s != nil {
		s(e)
	}
}

// A Log keeps the first events of a run and lets others wait for one. Create it
// with [NewLog].
type Log struct {
	start time.Time
	limit int

	mu      sync.Mutex // guards what follows
	events  []Event
	dropped int
	changed chan struct{} // closed and replaced when an event is added
}

// NewLog returns an empty log whose clock starts now and which keeps at most
// limit events (0 or less: 100,000); later ones are counted and dropped.
func NewLog(limit int) *Log {
	if limit <= 0 {
		limit = 100_000
	}
	return &Log{start: time.Now(), limit: limit, changed: make(chan struct{})}
}

// AddEvent stamps e with the time since the log's start and keeps it. It is a [Sink].
func (l *Log) AddEvent(e Event) {
	e.At = time.Since(l.start)
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.events) >= l.limit {
		l.dropped++
		return
	}
	l.events = append(l.events, e)
	close(l.changed)
	l.changed = make(chan struct{})
}

// AllEvents returns a copy of what the log holds, in order of arrival.
func (l *Log) AllEvents() []Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]Event(nil), l.events...)
}

// EventCount returns how many events happened, those included that did not fit.
func (l *Log) EventCount() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return int64(len(l.events) + l.dropped)
}

// WaitEvent blocks until an event for which match is true is in the log, and returns
// it. It returns the context's error when the context ends first.
func (l *Log) WaitEvent(ctx context.Context, match func(Event) bool) (Event, error) {
	for seen := 0; ; {
		l.mu.Lock()
		fresh, changed := l.events[seen:], l.changed
		l.mu.Unlock()
		for _, e := range fresh {
			if match(e) {
				return e, nil
			}
		}
		seen += len(fresh)
		select {
		case <-changed:
		case <-ctx.Done():
			return Event{}, ctx.Err()
		}
	}
}
