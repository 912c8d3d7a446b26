package link

import (
	"net"
	"time"

	"github.com/sockharness/harness/harness/event"
)

// A Passage is one thing that happened on one of the two sockets of a proxied
// connection: bytes, or an end, as its peer has sent them or as they were sent to it.
type Passage struct {
	At    time.Time  // when it passed
	Conn  uint64     // number of the connection, as in events
	Side  event.Side // whose socket it is: Client or Server
	Sent  bool       // to the peer; else by the peer
	Kind  event.Kind // Accept or Dial, which open the socket; Bytes, FIN or RST
	Bytes []byte     // of Bytes; others use the memory afterwards

	Peer, Own net.Addr // of Accept and Dial: the peer's address, and ours
	TLS       bool     // of Accept and Dial: Bytes are what is inside of TLS
}

// isRecorded reports whether somebody wants every byte, so that the kernel cannot carry
// the stream alone.
func (l *Link) isRecorded() bool { return l.cfg.Tap != nil || l.cfg.Record != nil }

// recordReceived tells of what was read from the source.
func (l *Link) recordReceived(p []byte) {
	if l.cfg.Record != nil {
		l.cfg.Record(Passage{At: time.Now(), Conn: l.cfg.Conn, Side: l.src.Peer, Kind: event.Bytes, Bytes: p})
	}
}

// recordEnd tells how the source has ended its stream.
func (l *Link) recordEnd(k event.Kind) {
	if l.cfg.Record != nil {
		l.cfg.Record(Passage{At: time.Now(), Conn: l.cfg.Conn, Side: l.src.Peer, Kind: k})
	}
}

// sendTime returns when something is about to be sent, for recordSent; the zero time if
// nobody wants to know.
func (l *Link) sendTime() (at time.Time) {
	if l.cfg.Record != nil {
		at = time.Now()
	}
	return at
}

// recordSent tells of bytes that the destination's kernel has taken.
func (l *Link) recordSent(at time.Time, p []byte) {
	if l.cfg.Record != nil && len(p) > 0 {
		l.cfg.Record(Passage{At: at, Conn: l.cfg.Conn, Side: l.dst.Peer, Sent: true, Kind: event.Bytes, Bytes: p})
	}
}

// recordFIN tells of a FIN that was sent to the destination.
func (l *Link) recordFIN(at time.Time) {
	if l.cfg.Record != nil {
		l.cfg.Record(Passage{At: at, Conn: l.cfg.Conn, Side: l.dst.Peer, Sent: true, Kind: event.FIN})
	}
}
