package link

import (
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/sock"
)

// HasUnread reports whether the source has sent something that the link has not taken
// yet, or not passed on: bytes, FIN or a reset. What a toxic holds does not count.
// It does not block.
func (l *Link) HasUnread() bool {
	received := l.received.Load()
	if !l.HadToxics() && l.sent.Load() != received && !l.broken.Load() {
		return true
	}
	if l.src.PeerEnding() != event.Open {
		return false
	}
	if !l.src.isTCP() {
		ready, err := sock.IsReadable(l.src.Conn)
		return err == nil && ready
	}
	return l.src.HasUnread(received)
}

// Dest returns the side that the link sends to.
func (l *Link) Dest() *Side { return l.dst }

// FINSent reports whether FIN was sent to the destination.
func (l *Link) FINSent() bool { return l.dst.hasSentFIN() }

// HasUnread reports whether the peer has sent more than what was taken from the socket
// by now, given how many bytes of the stream were received; FIN and a reset are more.
func (s *Side) HasUnread(received int64) bool {
	info, err := sock.TCPInfo(s.Conn)
	switch {
	case err != nil:
		ready, err := sock.IsReadable(s.Conn)
		return err == nil && ready
	case info.State == sock.Close:
		return true // a reset that nobody has seen
	}
	return info.BytesReceived > s.rawReceived(received)
}
