package socktest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/link"
	"github.com/sockharness/harness/harness/plural"
)

const (
	recordedBytes  = 1 << 20 // kept of each direction of a connection
	recordedEvents = 1000    // kept of a connection
	usualEvents    = 12      // that a connection has at least, as a rule
)

// A record folds the events of one proxy into what is known of its connections.
type record struct {
	start time.Time

	mu      sync.Mutex // guards what follows
	conns   []*connRecord
	each    bool              // what strikes counts are datagrams
	strikes map[string]int    // how many connections an injection has struck, by its name
	struck  map[strike]bool   // the same, so that each counts once
	cannot  map[string]string // why an injection cannot strike, by its name
	changed chan struct{}     // closed and replaced at each event that somebody may wait for; nil: nobody waits
}

// A strike is that of an injection on a connection.
type strike struct {
	injection string
	conn      uint64
}

// A connRecord is what is known of one connection.
type connRecord struct {
	accepted       bool
	client, server string
	carried        [2]int64
	ends           []End   // as their receivers got them
	sourceEnds     [2]*End // FIN of the source, which is to be passed on; by direction
	first          Side
	ended          [2]Ending
	over           bool
	failure        string // of the connect to the server
	taps           [2]*link.Tap
	datagrams      [2]int // of a packet proxy: passed on
	payloads       [2][]string
	payloadBytes   [2]int
	unreachable    int // how often ICMP has said so
	events         []Event
}

func newRecord() *record {
	return &record{start: time.Now(), strikes: map[string]int{}, struck: map[strike]bool{}, cannot: map[string]string{}}
}

// connLocked returns the record of the n-th connection, from 1.
func (r *record) connLocked(n uint64) *connRecord {
	for uint64(len(r.conns)) < n {
		r.conns = append(r.conns, &connRecord{ended: [2]Ending{Open, Open}})
	}
	return r.conns[n-1]
}

// newTap keeps what one direction of a connection carries.
func (r *record) newTap(conn uint64, d event.Direction) *link.Tap {
	tap := link.NewTap(recordedBytes)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.connLocked(conn).taps[d] = tap
	return tap
}

// addEvent is the event sink of the proxy.
func (r *record) addEvent(e event.Event) {
	e.At = time.Since(r.start)
	r.mu.Lock()
	defer r.mu.Unlock()
	if e.Conn != 0 {
		r.connLocked(e.Conn).addEvent(e)
	}
	if e.Kind == event.CannotStrike {
		r.cannot[e.Toxic] = e.Detail
	}
	if one := (strike{e.Toxic, e.Conn}); e.Kind == event.Struck && (r.each || !r.struck[one]) {
		r.struck[one] = true
		r.strikes[e.Toxic]++
	}
	r.tellLocked()
}

// hits returns how many connections, or datagrams, an injection has struck.
func (r *record) hits(injection string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.strikes[injection]
}

// whyNot returns why an injection cannot strike, "" where nothing is known.
func (r *record) whyNot(injection string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.cannot[injection]
}

// finish is told of each FIN right before it is passed on.
func (r *record) finish(conn uint64, d event.Direction) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.connLocked(conn).passOn(Direction(d))
	r.tellLocked()
}

// tellLocked wakes those who wait for a change.
func (r *record) tellLocked() {
	if r.changed != nil {
		close(r.changed)
		r.changed = nil
	}
}

// changes returns a channel that is closed at the next event.
func (r *record) changes() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.changed == nil {
		r.changed = make(chan struct{})
	}
	return r.changed
}

// await blocks until something is so, which only an event can bring about, or returns the
// cause of the context's end.
func (r *record) await(ctx context.Context, reached func() bool) error {
	for {
		changed := r.changes()
		if reached() {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (c *connRecord) addEvent(e event.Event) {
	switch e.Kind {
	case event.Accept:
		c.accepted = true
		c.client, _, _ = strings.Cut(e.Detail, " to ")
	case event.Dial:
		var ok bool
		if _, c.server, ok = strings.Cut(e.Detail, " to "); !ok {
			c.failure = e.Detail
		}
	case event.Bytes:
		c.carried[e.Direction] = max(c.carried[e.Direction], e.Offset+e.Bytes)
	case event.FIN, event.RST:
		c.addEnd(e)
	case event.Close:
		c.close(e)
	case event.DialFailed:
		c.failure = e.Detail
	case event.PortUnreachable:
		c.unreachable++
	}
	switch len(c.events) {
	case recordedEvents:
		return
	case 0:
		c.events = make([]Event, 0, usualEvents)
	}
	c.events = append(c.events, newEvent(e))
}

// addDatagram keeps a datagram that is about to be passed on; undo forgets it again.
func (r *record) addDatagram(conn uint64, d event.Direction, payload []byte) (undo func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.connLocked(conn)
	c.datagrams[d]++
	kept := c.payloadBytes[d]+len(payload) <= recordedBytes
	if kept {
		c.payloads[d] = append(c.payloads[d], string(payload))
		c.payloadBytes[d] += len(payload)
	}
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		c.datagrams[d]--
		if kept { // the datagrams of a direction pass one by one
			c.payloads[d] = c.payloads[d][:len(c.payloads[d])-1]
			c.payloadBytes[d] -= len(payload)
		}
	}
}

// accepted returns the numbers of the connections that were made.
func (r *record) accepted() (numbers []int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, c := range r.conns {
		if c.accepted {
			numbers = append(numbers, i+1)
		}
	}
	return numbers
}

// with lends the record of the n-th connection to f.
func (r *record) with(n int, f func(*connRecord)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.conns) < n {
		f(&connRecord{ended: [2]Ending{Open, Open}})
		return
	}
	f(r.conns[n-1])
}

// addEnd keeps how a stream has ended. The FIN of a source waits until it is passed
// on: a fault may hold it back.
func (c *connRecord) addEnd(e event.Event) {
	end := End{Ending: FIN, Direction: Direction(e.Direction), At: e.Offset, By: Side(e.Side), Fault: e.Toxic}
	if e.First {
		c.first = end.By
	}
	switch {
	case e.Kind == event.RST:
		end.Ending = RST
		c.reset(end)
	case end.By == ByProxy:
		c.finish(end)
	default:
		c.sourceEnds[end.Direction] = &end
	}
}

// reset ends both streams, but for one that had ended before.
func (c *connRecord) reset(end End) {
	c.ends = append(c.ends, end)
	for d := range c.ended {
		if c.ended[d] == Open {
			c.ended[d] = RST
		}
	}
}

// finish ends one stream by FIN, if it has not ended yet.
func (c *connRecord) finish(end End) {
	if c.ended[end.Direction] != Open {
		return
	}
	c.ended[end.Direction] = FIN
	c.ends = append(c.ends, end)
}

// passOn keeps that the FIN of a direction goes on to its receiver.
func (c *connRecord) passOn(d Direction) {
	if end := c.sourceEnds[d]; end != nil {
		c.finish(*end)
		return
	}
	c.finish(End{Ending: FIN, Direction: d, At: c.carried[d], By: ByProxy})
}

// close keeps that the connection is over. Where a fault has closed both sides, the
// other direction ends with it.
func (c *connRecord) close(e event.Event) {
	c.over = true
	for d := range Direction(len(c.ended)) {
		if e.Detail == link.Close.String() {
			c.passOn(d)
		}
	}
}

// describe tells what became of a connection.
func (c *connRecord) describe() string {
	if !c.accepted {
		return "was not made"
	}
	text := fmt.Sprintf("carried %s upstream and %s downstream", plural.Count(c.carried[Upstream], "byte"), plural.Count(c.carried[Downstream], "byte"))
	for _, end := range c.ends {
		text += "; " + end.String()
	}
	if c.failure != "" {
		text += "; the proxy could not connect to the server: " + c.failure
	}
	if len(c.ends) == 0 {
		text += "; open"
	}
	return text
}

// An Event is one fact about a connection. Fields that do not apply are zero.
type Event struct {
	At        time.Duration // since the proxy was made
	Kind      string        // accept, dial, bytes, fin, rst, struck, deliver (a verified boundary), close and others
	Direction Direction     // of the stream; of the connection as a whole: Upstream
	By        Side          // which side did it
	Offset    int64         // of the stream in Direction
	Bytes     int64         // how many, of bytes
	Fault     string        // name of the injection; "": none
	Detail    string        // for people
}

func newEvent(e event.Event) Event {
	return Event{At: e.At, Kind: string(e.Kind), Direction: Direction(e.Direction), By: Side(e.Side),
		Offset: e.Offset, Bytes: e.Bytes, Fault: e.Toxic, Detail: e.Detail}
}

// String returns the event as a line.
func (e Event) String() string {
	text := fmt.Sprintf("%8.3f ms  %s", float64(e.At.Microseconds())/1000, e.Kind)
	switch event.Kind(e.Kind) {
	case event.Bytes:
		text += fmt.Sprintf(" %s, %s from byte %d", e.Direction, plural.Count(e.Bytes, "byte"), e.Offset)
	case event.FIN, event.RST, event.Struck, event.BoundaryRead:
		text += fmt.Sprintf(" %s at byte %d by the %s", e.Direction, e.Offset, e.By)
	}
	if e.Fault != "" {
		text += ", " + e.Fault
	}
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	return text
}
