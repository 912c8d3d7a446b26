package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/sockharness/harness/harness/event"
)

// The bounds of what a live stream says at once. What is beyond them is counted.
const (
	liveConnections = 2000
	liveClosed      = 50
	liveEvents      = 100
	livePeriod      = 250 * time.Millisecond
	liveShare       = 100             // a frame is made for at most one part of the time in so many,
	liveRarest      = 2 * time.Second // unless it comes more rarely than that
	maxLive         = 16              // streams at once
)

// A frame is what has changed since the frame before: the state of a daemon for
// somebody who looks at it, at most four times a second.
type frame struct {
	Daemon      int64           `json:"daemon"` // when it was started, ns since 1970
	AtMs        float64         `json:"at_ms"`
	Proxies     json.RawMessage `json:"proxies,omitempty"`     // all of them, if one has changed
	Recorded    []string        `json:"recorded,omitempty"`    // proxies whose new connections are recorded; comes with Proxies
	Outages     outages         `json:"outages,omitempty"`     // by proxy; comes with Proxies
	Connections []connection    `json:"connections,omitempty"` // that are new or have changed
	Gone        []uint64        `json:"gone,omitempty"`        // that are over
	Closed      []connection    `json:"closed,omitempty"`      // the last of those that are over, the last one first
	Open        int             `json:"open"`
	Omitted     int             `json:"omitted,omitempty"` // open connections that are too many to be shown
	Events      []event.Event   `json:"events,omitempty"`
	Skipped     uint64          `json:"skipped,omitempty"` // events that are not shown, before the first of Events
	LastID      uint64          `json:"last_id"`
}

// outages are those that there are, by the names of their proxies.
type outages map[string]outageJSON

// mark tells two of them apart, but for the time that is left.
func (o outages) mark() string {
	timeless := outages{}
	for name, one := range o {
		one.For = nil
		timeless[name] = one
	}
	return fmt.Sprint(timeless)
}

// A liveView makes the frames of one stream.
type liveView struct {
	daemon *Daemon
	want   connectionFilter
	events eventFilter
	shown  map[uint64]*shownConnection
	frames uint64 // so far
	closed uint64 // connections that were over by the last frame
	last   uint64 // number of the last event
	wished []byte // the proxies as they were shown
}

// A shownConnection is one that was open in the last frame, as it was shown.
type shownConnection struct {
	connection
	frame uint64 // the number of the last frame in which it was open
}

// serveLive streams frames, each a server-sent event, until the client goes. The
// filter of connections and ?kind= narrow it.
func (d *Daemon) serveLive(w http.ResponseWriter, r *http.Request) {
	v, err := d.newLiveView(r)
	if err != nil {
		writeFailure(w, err)
		return
	}
	if d.watching.Add(1) > maxLive {
		d.watching.Add(-1)
		writeFailure(w, &failure{Message: fmt.Sprintf("%d live streams are open; close one", maxLive), Status: http.StatusServiceUnavailable})
		return
	}
	defer d.watching.Add(-1)
	out := newEventWriter(w)
	for {
		began := time.Now()
		v.writeFrame(&out.text)
		pause := max(livePeriod, min(liveShare*time.Since(began), liveRarest))
		if out.writeText() != nil || !d.awaitFrame(r, pause) {
			return
		}
	}
}

// awaitFrame waits until the next frame is due. It returns false at the end.
func (d *Daemon) awaitFrame(r *http.Request, pause time.Duration) bool {
	due := time.NewTimer(pause)
	defer due.Stop()
	select {
	case <-due.C:
		return true
	case <-r.Context().Done():
	case <-d.ctx.Done():
	}
	return false
}

func (d *Daemon) newLiveView(r *http.Request) (*liveView, error) {
	query := r.URL.Query()
	want, err := d.readFilter(query, "kind", "conn")
	if err != nil {
		return nil, err
	}
	v := &liveView{daemon: d, want: want, events: eventFilter{proxy: want.proxy}, shown: map[uint64]*shownConnection{}}
	if kinds := query.Get("kind"); kinds != "" {
		v.events.kinds = strings.Split(kinds, ",")
	}
	v.events.conn, err = queryNumber(query, "conn")
	return v, err
}

// writeFrame writes the next frame.
func (v *liveView) writeFrame(to *bytes.Buffer) {
	d := v.daemon
	f := frame{Daemon: d.history.start.UnixNano(), AtMs: float64(time.Since(d.history.start).Microseconds()) / 1000}
	v.addProxies(&f)
	v.addConnections(&f)
	f.Closed, v.closed = d.past.after(v.closed, liveClosed, v.want.admits)
	f.Events, f.Skipped, f.LastID = d.history.latest(v.events, v.last, liveEvents)
	v.last = f.LastID
	text, err := json.Marshal(f)
	if err == nil {
		fmt.Fprintf(to, "data: %s\n\n", text)
	}
}

// addProxies adds the proxies, if one has changed.
func (v *liveView) addProxies(f *frame) {
	var recorded []string
	disturbed := outages{}
	for _, m := range v.daemon.allProxies() {
		if m.records.Load() {
			recorded = append(recorded, m.name)
		}
		if p, ok := m.currentEngine().(streams); ok {
			if o, ok := p.Outage(); ok {
				disturbed[m.name] = showOutageOf(o)
			}
		}
	}
	slices.Sort(recorded)
	views, err := json.Marshal(v.daemon.allViews())
	now := fmt.Append(views, recorded, disturbed.mark())
	if err != nil || bytes.Equal(now, v.wished) {
		return
	}
	f.Proxies, f.Recorded, f.Outages, v.wished = views, recorded, disturbed, now
}

// addConnections adds the connections that have changed, and those that are over.
func (v *liveView) addConnections(f *frame) {
	v.frames++
	v.daemon.eachOpen(v.want, func(c openConnection) {
		if f.Open++; f.Open > liveConnections {
			f.Omitted++
			return
		}
		v.addOpen(f, &c.connection)
	})
	for id, was := range v.shown {
		if was.frame != v.frames {
			f.Gone = append(f.Gone, id)
			delete(v.shown, id)
		}
	}
}

// addOpen adds a connection, if it is new or has changed.
func (v *liveView) addOpen(f *frame, c *connection) {
	was := v.shown[c.ID]
	switch {
	case was == nil:
		was = &shownConnection{connection: *c}
		v.shown[c.ID] = was
		f.Connections = append(f.Connections, *c)
	case !was.sameAs(c):
		was.connection = *c
		f.Connections = append(f.Connections, *c)
	}
	was.frame = v.frames
}

// sameAs reports whether there is nothing new to show of a connection.
func (c *connection) sameAs(other *connection) bool {
	return c.Client == other.Client && c.Server == other.Server && c.Recorded == other.Recorded && c.EndedBy == other.EndedBy &&
		slices.Equal(c.Struck, other.Struck) && c.Upstream.sameAs(&other.Upstream) && c.Downstream.sameAs(&other.Downstream)
}

func (f *flow) sameAs(other *flow) bool {
	return f.Received == other.Received && f.Sent == other.Sent && slices.Equal(f.Toxics, other.Toxics)
}

// after returns the connections that were over after the first n, the last one first; most
// limits how many. Total is how many were over in all.
func (l *closedConnections) after(n uint64, most int, match func(*connection) bool) (found []connection, total uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.newestLocked(min(int(l.total-n), len(l.kept), most), match), l.total
}

// latest returns the last events after the one of that number that a filter admits, at
// most so many, how many are left out, by number or since they are not remembered,
// and the number of the last event.
func (h *history) latest(want eventFilter, after uint64, most int) (list []event.Event, skipped, last uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if first := h.head.first; after+1 < first {
		skipped, after = first-1-after, first-1
	}
	matching := 0
	h.eachAfter(after, want, func(event.Event) { matching++ })
	over := max(matching-most, 0)
	h.eachAfter(after, want, func(e event.Event) {
		if matching--; matching < most {
			list = append(list, e)
		}
	})
	return list, skipped + uint64(over), h.last
}

// eachAfter visits the events that are remembered after the one of that number, and
// that a filter admits. The history must be locked.
func (h *history) eachAfter(id uint64, want eventFilter, visit func(event.Event)) {
	for b := h.head; b != nil; b = b.next {
		for i := min(max(int(id)-int(b.first)+1, 0), len(b.events)); i < len(b.events); i++ {
			if want.admits(&b.events[i]) {
				visit(b.events[i])
			}
		}
	}
}
