// Package hook is the contract between a link and a toxic that needs more than
// the chunks passing through it: where in the stream it is, how the stream
// shall end, whether the receiver has read what was sent. It lies below both,
// so that neither has to know the other.
//
//	func (t *cutter) Attach(link hook.Link) toxics.Toxic { // toxics of Toxiproxy
//		return &attached{cutter: t, link: link}
//	}
package hook

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/sockharness/harness/harness/event"
)

// An EndMode is what a toxic wants of its link when it closes its output before
// the source has ended.
type EndMode uint8

// The ends.
const (
	// CloseBoth closes both sides of the connection in order. It is what a toxic
	// gets that closes its output without saying how, as in Toxiproxy.
	CloseBoth EndMode = iota
	// HalfClose sends FIN to the destination; the other direction lives on.
	// What the source still sends is read and discarded.
	HalfClose
	// Reset waits until the destination has read what was sent (bounded), then
	// resets both sides.
	Reset
	// Vanish sends FIN to the destination and answers whatever it still sends
	// by RST: what a peer that closed its socket looks like. The source is closed.
	Vanish
)

// String returns the end's name, that of the toxic which asks for it.
func (e EndMode) String() string {
	return [...]string{"shut", "half_close", "reset", "vanish"}[e]
}

// A Link is one toxic's view of its place in one link. Its methods may be
// called from the goroutine that runs the toxic only, and do not block unless
// they say so.
type Link interface {
	// Context ends when the connection is torn down.
	Context() context.Context
	// Direction is that of the link.
	Direction() event.Direction
	// Conn is the number of the connection on its proxy, from 1.
	Conn() uint64
	// Rand is the generator of this toxic on this link, derived from the
	// proxy's seed, the connection's number and the toxic's name.
	Rand() *rand.Rand
	// Struck reports that the fault took effect at the given stream offset.
	Struck(offset int64, detail string)
	// Boundary asks that what is beyond offset, bytes or the end that the toxic
	// wants, leaves only when the receiver has read all bytes before it (verified where the system can tell, after a
	// timed gap elsewhere; either way a Deliver event tells). The offset counts
	// the bytes that this toxic has sent on, and must be asked for before the
	// chunk that ends there is sent on. A toxic after this one which changes
	// the number of bytes makes it void.
	Boundary(offset int64)
	// End says how the stream ends once this toxic closes its output.
	End(EndMode)
	// EventHappened returns a channel that is closed once an event of the kind has
	// happened on this connection, in either direction.
	EventHappened(event.Kind) <-chan struct{}
	// Alarm returns a channel that is closed at that time, by the kernel's clock where
	// it has one: Go's timers may be a millisecond late. Stop must be called.
	Alarm(at time.Time) (expired <-chan struct{}, stop func())
	// SourceBlocked blocks until the source cannot send any more because nobody
	// reads, and returns how many bytes the kernels hold of it. It returns an
	// error when that cannot be known here or the context ends.
	SourceBlocked(ctx context.Context) (held int64, err error)
}

// A SocketLimits bounds how much a socket of the proxy takes in, which is what makes
// a sender's writes short. Zero leaves the system's default.
type SocketLimits struct {
	ReceiveBuffer int // SO_RCVBUF, bytes
	SegmentSize   int // TCP_MAXSEG, bytes, 88 to 1460
}

// Smaller returns the smaller of two limits, field by field. Zero is the system's own,
// and larger than any other.
func (l SocketLimits) Smaller(other SocketLimits) SocketLimits {
	return SocketLimits{ReceiveBuffer: smallerNonZero(l.ReceiveBuffer, other.ReceiveBuffer), SegmentSize: smallerNonZero(l.SegmentSize, other.SegmentSize)}
}

func smallerNonZero(a, b int) int {
	if a == 0 || b == 0 {
		return max(a, b)
	}
	return min(a, b)
}
