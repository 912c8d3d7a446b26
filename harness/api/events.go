package api

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/excerpt"
)

const (
	// heartbeat is how often a quiet stream gets a comment, so that nobody on the
	// way takes it for dead.
	heartbeat = 15 * time.Second
)

// An eventFilter says which events somebody wants.
type eventFilter struct {
	proxy string   // "": all
	conn  uint64   // 0: all
	kinds []string // none: all
	bytes bool     // event.Bytes too
}

func (f eventFilter) admits(e *event.Event) bool {
	return (f.proxy == "" || f.proxy == e.Proxy) && (f.conn == 0 || f.conn == e.Conn) && (e.Kind != event.Bytes || f.bytes) &&
		(len(f.kinds) == 0 || slices.Contains(f.kinds, string(e.Kind)))
}

// An eventRequest is what a GET of /events asks for.
type eventRequest struct {
	eventFilter
	since  uint64
	replay bool // since was given
	once   bool // what there is, as one JSON value
}

// eventSink takes the events of the proxy of that name.
func (d *Daemon) eventSink(name string) event.Sink {
	tally := d.meter.newCounter(name)
	return func(e event.Event) {
		d.history.publishEvent(e)
		if e.Kind == event.Accept {
			d.noteAccept()
		}
		if e.Kind == event.Bytes && !d.cfg.ByteEvents {
			return
		}
		tally.addEvent(e)
		d.cfg.Events.Emit(e)
	}
}

// readEventRequest reads the query. Last-Event-ID is what a browser or a library
// sends that connects again; a number of another daemon's is none.
func (h *history) readEventRequest(r *http.Request) (want eventRequest, err error) {
	query := r.URL.Query()
	if err := checkQuery(query, "proxy", "conn", "kind", "bytes", "since", "format"); err != nil {
		return want, err
	}
	want.proxy = query.Get("proxy")
	if kinds := query.Get("kind"); kinds != "" {
		want.kinds = strings.Split(kinds, ",")
	}
	if want.conn, err = queryNumber(query, "conn"); err != nil {
		return want, err
	}
	if want.bytes, err = queryBool(query, "bytes"); err != nil {
		return want, err
	}
	want.bytes = want.bytes || slices.Contains(want.kinds, string(event.Bytes))
	switch format := query.Get("format"); format {
	case "json":
		want.once = true
	case "", "stream":
	default:
		return want, badQueryf("format must be stream or json, got %s", excerpt.Quote(format))
	}
	if last, err := strconv.ParseUint(r.Header.Get("Last-Event-ID"), 10, 64); err == nil {
		if want.replay, want.since = true, last; last > h.lastID() {
			want.since = 0
		}
	}
	if query.Has("since") {
		want.replay = true
		if want.since, err = queryNumber(query, "since"); err != nil {
			return want, err
		}
		if last := h.lastID(); want.since > last {
			return want, badQueryf("since %d: the last event is %d; this daemon was started after yours", want.since, last)
		}
	}
	if !want.replay && !want.once {
		want.since = h.lastID()
	}
	return want, nil
}

// serveEvents streams what happens from now on, or after the event ?since=ID, as one
// server-sent event each, named by its kind, or gives what there is (?format=json).
// The WHATWG's HTML standard, §9.2, describes the format.
func (d *Daemon) serveEvents(w http.ResponseWriter, r *http.Request) {
	want, err := d.history.readEventRequest(r)
	if err != nil {
		writeFailure(w, err)
		return
	}
	reader, leave := d.history.follow(want.eventFilter, want.since)
	defer leave()
	if want.once {
		writeJSON(w, http.StatusOK, d.history.collectEvents(reader))
		return
	}
	out := newEventWriter(w)
	fmt.Fprintf(&out.text, ": events after %d\n\n", want.since)
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for out.writeTo(reader) == nil && out.pauseStream(r.Context(), d) && out.gatherEvents(r.Context(), d, reader, beat.C) {
	}
}

// An eventList is what a history holds.
type eventList struct {
	Events []event.Event `json:"events"`
	Lost   *gap          `json:"dropped,omitempty"` // before the first of them
	LastID uint64        `json:"last_id"`
}

// collectEvents returns all that there is for a reader.
func (h *history) collectEvents(r *eventReader) eventList {
	all := eventList{Events: []event.Event{}}
	for done := false; !done; {
		var list []event.Event
		var lost *gap
		list, lost, done = h.nextEvents(r)
		for i := range list {
			if r.want.admits(&list[i]) {
				all.Events = append(all.Events, list[i])
			}
		}
		if lost != nil && all.Lost == nil {
			all.Lost = lost
		}
	}
	all.LastID = r.read
	return all
}

// checkQuery finds a parameter that nobody reads: a filter that is misspelt is none.
func checkQuery(query url.Values, known ...string) error {
	for name := range query {
		if !slices.Contains(known, name) {
			return badQueryf("there is no parameter %s; known are %s", excerpt.Quote(name), strings.Join(known, ", "))
		}
	}
	return nil
}

func badQueryf(format string, args ...any) error {
	return &failure{Message: "bad query: " + fmt.Sprintf(format, args...), Status: http.StatusBadRequest}
}

// queryNumber reads a parameter that is a number; 0 if it is absent.
func queryNumber(query url.Values, name string) (uint64, error) {
	text := query.Get(name)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, badQueryf("%s must be a whole number from 0, got %s", name, excerpt.Quote(text))
	}
	return n, nil
}

// queryBool reads a parameter that is on or off. Its name alone is on.
func queryBool(query url.Values, name string) (bool, error) {
	text := query.Get(name)
	if text == "" {
		return query.Has(name), nil
	}
	on, err := strconv.ParseBool(text)
	if err != nil {
		return false, badQueryf("%s must be true or false, got %s", name, excerpt.Quote(text))
	}
	return on, nil
}
