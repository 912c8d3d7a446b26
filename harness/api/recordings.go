package api

import (
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/excerpt"
	"github.com/sockharness/harness/harness/proxy"
)

const (
	keptRecordings = 200       // of connections, open or not; the oldest makes way
	recordedBytes  = 128 << 10 // that are kept of each direction
	streamBytes    = 64 << 10  // that one answer has
)

// recordings are what was recorded of connections.
type recordings struct {
	mu    sync.Mutex // guards what follows
	byID  map[uint64]*proxy.Recording
	order []uint64 // the oldest first
}

// create makes the recording of a connection, in the place of the oldest when there
// are too many.
func (r *recordings) create(id uint64) *proxy.Recording {
	r.mu.Lock()
	defer r.mu.Unlock()
	if made := r.byID[id]; made != nil {
		return made
	}
	if r.byID == nil {
		r.byID = map[uint64]*proxy.Recording{}
	}
	if len(r.order) == keptRecordings {
		r.byID[r.order[0]].Stop()
		delete(r.byID, r.order[0])
		r.order = append(r.order[:0], r.order[1:]...)
	}
	made := proxy.NewRecording(recordedBytes)
	r.byID[id], r.order = made, append(r.order, id)
	return made
}

// keep puts a recording in the place of the one that was created.
func (r *recordings) keep(id uint64, used *proxy.Recording) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.byID[id] != nil {
		r.byID[id] = used
	}
}

func (r *recordings) find(id uint64) *proxy.Recording {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.byID[id]
}

// recordNew returns the recording of a new connection, if they are recorded.
func (m *managedProxy) recordNew(id uint64) *proxy.Recording {
	if !m.records.Load() {
		return nil
	}
	return m.daemon.records.create(id)
}

// record is the act: it records a connection from now on.
func record(p streams, c openConnection, o order) (bool, error) {
	used := p.RecordConnection(c.ID, o.records.create(c.ID))
	if used != nil {
		o.records.keep(c.ID, used)
	}
	return used != nil, nil
}

// recordProxy has new connections of a proxy recorded, from their first byte on.
func (d *Daemon) recordProxy(_ *http.Request, names []string) (reply, error) {
	return d.setRecording(names[0], true)
}

func (d *Daemon) stopRecordingProxy(_ *http.Request, names []string) (reply, error) {
	return d.setRecording(names[0], false)
}

func (d *Daemon) setRecording(name string, on bool) (reply, error) {
	m, err := d.findProxy(name)
	if err == nil {
		m.records.Store(on)
	}
	return reply{status: http.StatusNoContent}, err
}

// A streamReply is a part of one direction of a recorded connection.
type streamReply struct {
	Stream string  `json:"stream"`
	First  int64   `json:"first"` // offset of the first byte that is still kept
	From   int64   `json:"from"`  // offset of the first of bytes
	Bytes  []byte  `json:"bytes"` // in base64
	Next   int64   `json:"next"`  // offset behind the last byte that was recorded
	Pieces []piece `json:"pieces"`
}

// A piece is what was read at once, with its time since the daemon's start.
type piece struct {
	AtMs   float64 `json:"at_ms"`
	Offset int64   `json:"offset"`
	Bytes  int     `json:"bytes"`
}

// showStream shows what was recorded of one direction of a connection, from an offset
// on (?stream=upstream&from=N), and when it was read.
func (d *Daemon) showStream(r *http.Request, names []string) (reply, error) {
	query := r.URL.Query()
	if err := checkQuery(query, "stream", "from"); err != nil {
		return reply{}, err
	}
	direction, err := event.ParseDirection(query.Get("stream"))
	if err != nil {
		return reply{}, badQueryf("stream must be upstream or downstream, got %s", excerpt.Quote(query.Get("stream")))
	}
	from, err := queryNumber(query, "from")
	if err != nil {
		return reply{}, err
	}
	id, err := strconv.ParseUint(names[0], 10, 64)
	found := d.records.find(id)
	if err != nil || found == nil {
		return reply{}, &failure{Message: "connection " + names[0] + " is not recorded; see POST /connections/" + names[0] + "/record", Status: http.StatusNotFound}
	}
	kept := found.ReadFrom(direction, int64(min(from, 1<<62)), streamBytes)
	shown := streamReply{Stream: direction.String(), First: kept.First, From: kept.From, Bytes: kept.Bytes, Next: kept.Next, Pieces: []piece{}}
	for _, p := range kept.Pieces {
		at := p.At.Sub(d.history.start)
		shown.Pieces = append(shown.Pieces, piece{AtMs: float64(at) / float64(time.Millisecond), Offset: p.Offset, Bytes: p.Bytes})
	}
	return reply{http.StatusOK, shown}, nil
}
