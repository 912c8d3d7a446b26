package capture

import (
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/link"
)

// What a recording keeps at most. What it leaves out is counted, and said in the file.
const (
	keptHead   = 128 << 10 // first bytes of each direction on each side of a connection
	keptTail   = 16 << 10  // last bytes of them
	keptPieces = 4096      // pieces of the first bytes; half as many of the last
	keptBytes  = 16 << 20  // first bytes of all connections
	keptConns  = 128       // connections
	keptMarks  = 1000      // strikes and refusals
	keptGrams  = 20_000    // datagrams
)

// A Recording keeps what passes the sockets of one proxy, with times, in bounded memory:
// 16 MiB, and 64 KiB for each of at most 128 connections. Give its methods to
// [proxy.Config] as Record and, beside others, as Events. Create it with
// [NewRecording]; it is safe for concurrent use.
type Recording struct {
	mu       sync.Mutex // guards what follows
	conns    map[uint64]*recordedConn
	order    []uint64
	missing  int // connections left out
	room     int // first bytes that may still be kept
	strikes  []strike
	refusals []refusal

	datagrams []recordedDatagram
	lost      int // datagrams left out
}

// A recordedConn is one proxied connection: the socket of the client, and that of the
// server.
type recordedConn struct {
	client, server recordedSide
}

// A recordedSide is one socket of the proxy.
type recordedSide struct {
	opened         link.Passage // no Kind: it was not
	received, sent recordedStream
}

// A strike is a fault that took effect, or a boundary that was read.
type strike struct {
	at time.Time
	event.Event
}

// A refusal is a connect that was refused.
type refusal struct {
	at       time.Time
	from, to netip.AddrPort
}

// NewRecording returns an empty recording.
func NewRecording() *Recording {
	return &Recording{conns: map[uint64]*recordedConn{}, room: keptBytes}
}

// AddPassage keeps what has passed a socket.
func (r *Recording) AddPassage(p link.Passage) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := p.Own.(*net.UDPAddr); ok {
		r.addDatagramLocked(p)
		return
	}
	c := r.connLocked(p)
	if c == nil {
		return
	}
	side := &c.client
	if p.Side == event.Server {
		side = &c.server
	}
	switch {
	case p.Kind == event.Accept || p.Kind == event.Dial:
		side.opened = p
	case p.Sent:
		side.sent.add(p, &r.room)
	default:
		side.received.add(p, &r.room)
	}
}

// connLocked returns the record of a passage's connection, nil if there are too many.
func (r *Recording) connLocked(p link.Passage) *recordedConn {
	c := r.conns[p.Conn]
	switch {
	case c != nil || p.Kind != event.Accept && p.Kind != event.Dial: // those come first
	case len(r.conns) >= keptConns:
		r.missing++
	default:
		c = &recordedConn{}
		r.conns[p.Conn] = c
		r.order = append(r.order, p.Conn)
	}
	return c
}

// AddEvent keeps when and where a fault has struck, or a boundary was read. It is an
// [event.Sink].
func (r *Recording) AddEvent(e event.Event) {
	if e.Kind != event.Struck && e.Kind != event.BoundaryRead {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.strikes) < keptMarks {
		r.strikes = append(r.strikes, strike{time.Now(), e})
	}
}

// AddRefusal keeps that a connect of a client was refused: that is nothing that a proxy
// sees.
func (r *Recording) AddRefusal(at time.Time, from, to netip.AddrPort) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.refusals) < keptMarks {
		r.refusals = append(r.refusals, refusal{at, from, to})
	}
}

// TakeConnection moves one connection into a recording of its own.
func (r *Recording) TakeConnection(id uint64) *Recording {
	r.mu.Lock()
	defer r.mu.Unlock()
	one := NewRecording()
	c := r.conns[id]
	one.datagrams = r.takeDatagramsLocked(id)
	switch {
	case c != nil:
		one.conns[id], one.order = c, []uint64{id}
		r.room += c.headBytes()
	case len(one.datagrams) == 0:
		one.missing = 1
	}
	delete(r.conns, id)
	r.order = slices.DeleteFunc(r.order, func(n uint64) bool { return n == id })
	for _, s := range r.strikes {
		if s.Conn == id {
			one.strikes = append(one.strikes, s)
		}
	}
	r.strikes = slices.DeleteFunc(r.strikes, func(s strike) bool { return s.Conn == id })
	return one
}

// headBytes returns how many first bytes of the connection are kept.
func (c *recordedConn) headBytes() int {
	return c.client.received.headBytes + c.client.sent.headBytes + c.server.received.headBytes + c.server.sent.headBytes
}
