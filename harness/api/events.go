package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sockharness/harness/harness/event"
)

const (
	// held is how many events wait for a subscriber who reads slowly; what does
	// not fit is dropped, and he is told how much.
	held = 4096
	// heartbeat is how often a quiet stream gets a comment, so that nobody on the
	// way takes it for dead.
	heartbeat = 15 * time.Second
	// writePatience is how long a subscriber may take to read one event.
	writePatience = 30 * time.Second
)

// A stream hands the events of all proxies to whoever listens.
type stream struct {
	start     time.Time
	wantBytes atomic.Int32 // subscribers who want event.Bytes too
	any       atomic.Int32 // subscribers

	mu          sync.Mutex // guards what follows
	subscribers map[*subscriber]bool
}

type subscriber struct {
	proxy   string // "": all
	bytes   bool
	events  chan event.Event
	dropped atomic.Int64
}

func newStream(start time.Time) *stream {
	return &stream{start: start, subscribers: map[*subscriber]bool{}}
}

func (s *stream) subscribe(sub *subscriber) (cancel func()) {
	sub.events = make(chan event.Event, held)
	s.count(sub, 1)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.subscribers[sub] = true
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.subscribers, sub)
		s.count(sub, -1)
	}
}

func (s *stream) count(sub *subscriber, n int32) {
	s.any.Add(n)
	if sub.bytes {
		s.wantBytes.Add(n)
	}
}

// add hands an event on. It does not block.
func (s *stream) add(e event.Event) {
	if s.any.Load() == 0 || e.Kind == event.Bytes && s.wantBytes.Load() == 0 {
		return
	}
	e.At = time.Since(s.start)
	s.mu.Lock()
	defer s.mu.Unlock()
	for sub := range s.subscribers {
		if sub.proxy != "" && sub.proxy != e.Proxy || e.Kind == event.Bytes && !sub.bytes {
			continue
		}
		select {
		case sub.events <- e:
		default:
			sub.dropped.Add(1)
		}
	}
}

// sink takes the events of the proxy of that name.
func (d *Daemon) sink(name string) event.Sink {
	tally := d.meter.tally(name)
	return func(e event.Event) {
		d.stream.add(e)
		if e.Kind == event.Bytes {
			return
		}
		tally.add(e)
		d.cfg.Events.Emit(e)
	}
}

// events streams what happens from now on, one server-sent event each, named by
// its kind; ?proxy=NAME and ?bytes=true narrow and widen it. The WHATWG's HTML
// standard, §9.2, describes the format.
func (d *Daemon) events(w http.ResponseWriter, r *http.Request) {
	sub := &subscriber{proxy: r.URL.Query().Get("proxy"), bytes: r.URL.Query().Get("bytes") == "true"}
	defer d.stream.subscribe(sub)()
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	out := eventWriter{w, http.NewResponseController(w)}
	_ = out.SetReadDeadline(time.Time{}) // not every writer has deadlines
	if out.write(": events from now on\n\n") != nil {
		return
	}
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for r.Context().Err() == nil && out.next(r.Context(), d.ctx, sub, beat.C) == nil {
	}
}

type eventWriter struct {
	http.ResponseWriter
	*http.ResponseController
}

// next writes what comes next, or returns an error when that is nothing.
func (o eventWriter) next(client, daemon context.Context, sub *subscriber, beat <-chan time.Time) error {
	select {
	case <-client.Done():
		return client.Err()
	case <-daemon.Done():
		return daemon.Err()
	case <-beat:
		return o.write(": still here\n\n")
	case e := <-sub.events:
		if n := sub.dropped.Swap(0); n > 0 {
			if err := o.write("event: dropped\ndata: {\"events\":%d}\n\n", n); err != nil {
				return err
			}
		}
		text, err := json.Marshal(e)
		if err != nil {
			return fmt.Errorf("event encode: %w", err)
		}
		return o.write("event: %s\ndata: %s\n\n", e.Kind, text)
	}
}

func (o eventWriter) write(format string, args ...any) error {
	_ = o.SetWriteDeadline(time.Now().Add(writePatience))
	if _, err := fmt.Fprintf(o.ResponseWriter, format, args...); err != nil {
		return err
	}
	return o.Flush()
}
