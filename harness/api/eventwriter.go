package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/sockharness/harness/harness/event"
)

const (
	// writePatience is how long a reader may take to read some events.
	writePatience = 30 * time.Second
	// writePause is how long a stream rests after a write, so that what happens in the
	// meantime is one write too. Without it each of many events wakes the stream up.
	writePause = 2 * time.Millisecond
	// fullWrite is how much one write has at most, up to a block of events more, bytes.
	fullWrite = 64 << 10
)

// An eventWriter writes server-sent events.
type eventWriter struct {
	http.ResponseWriter
	*http.ResponseController
	text bytes.Buffer
	full bool // the last write had not all that there was
}

// newEventWriter begins a stream of events, which has no time limit.
func newEventWriter(w http.ResponseWriter) *eventWriter {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	out := &eventWriter{ResponseWriter: w, ResponseController: http.NewResponseController(w)}
	_ = out.SetReadDeadline(time.Time{}) // not every writer has deadlines
	return out
}

// pauseStream waits until the next write is due. It returns false when the client has gone.
func (o *eventWriter) pauseStream(client context.Context, d *Daemon) bool {
	if o.full {
		return true
	}
	due := time.NewTimer(writePause)
	defer due.Stop()
	select {
	case <-client.Done():
		return false
	case <-d.ctx.Done():
	case <-due.C:
	}
	return true
}

// gatherEvents waits until there is something to write, and returns false at the end.
func (o *eventWriter) gatherEvents(client context.Context, d *Daemon, r *eventReader, beat <-chan time.Time) bool {
	for woken := false; ; woken = true {
		list, lost, done := d.history.nextEvents(r)
		o.addEvents(r.want, list, lost)
		if o.full = !done; o.full && o.text.Len() < fullWrite {
			continue
		}
		if o.text.Len() > 0 {
			return true
		}
		if woken && !o.pauseStream(client, d) { // by events that the reader does not want: there may be many
			return false
		}
		select {
		case <-client.Done():
			return false
		case <-d.ctx.Done():
			return d.writeLast(o, r)
		case <-beat:
			o.text.WriteString(": still here\n\n")
			return true
		case <-r.wake:
		}
	}
}

// writeLast writes what has happened before the daemon's end.
func (d *Daemon) writeLast(o *eventWriter, r *eventReader) bool {
	all := d.history.collectEvents(r)
	o.addEvents(r.want, all.Events, all.Lost)
	_ = o.writeText()
	return false
}

// addEvents adds those that are wanted, and before them what is lost.
func (o *eventWriter) addEvents(want eventFilter, list []event.Event, lost *gap) {
	if lost != nil {
		text, _ := json.Marshal(lost) // of three numbers: it cannot fail
		fmt.Fprintf(&o.text, "id: %d\nevent: dropped\ndata: %s\n\n", lost.Last, text)
	}
	for i := range list {
		if want.admits(&list[i]) {
			o.addEvent(&list[i])
		}
	}
}

func (o *eventWriter) addEvent(e *event.Event) {
	to := append(o.text.AvailableBuffer(), "id: "...)
	to = append(strconv.AppendUint(to, e.ID, 10), "\nevent: "...)
	to = append(append(to, e.Kind...), "\ndata: "...)
	if to, err := e.AppendJSON(to); err == nil {
		o.text.Write(append(to, "\n\n"...))
	}
}

// writeTo writes what was gathered for the reader.
func (o *eventWriter) writeTo(r *eventReader) error {
	defer r.beginWrite()()
	return o.writeText()
}

// writeText writes what was gathered.
func (o *eventWriter) writeText() error {
	_ = o.SetWriteDeadline(time.Now().Add(writePatience))
	_, err := o.text.WriteTo(o.ResponseWriter)
	if err != nil {
		return err
	}
	return o.Flush()
}
