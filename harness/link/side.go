package link

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/sock"
)

// A Side is one socket of a proxied connection and what is known of the peer
// behind it. Both links of the connection share it, because the kernel reports a
// reset once, to whichever of read and write comes first; the other one then
// sees no more than an end of file.
type Side struct {
	Peer          event.Side // which peer is at the other end
	Conn          Conn       // the socket to that peer
	PreambleBytes int64      // bytes that were sent to the peer before the stream

	unplugged atomic.Bool // the peer is to hear nothing any more
	tcp       bool

	mu      sync.Mutex // guards what follows
	ending  event.Ending
	sentFIN bool
	reset   latch // set when the peer has reset the connection
	link    *Link // that reads from it; nil: none does yet
}

// NewSide returns the side of a connected socket. Who is the peer behind it.
func NewSide(who event.Side, c Conn) *Side {
	_, tcp := c.RemoteAddr().(*net.TCPAddr)
	return &Side{Peer: who, Conn: c, tcp: tcp}
}

// Begin makes a zero Side of a TCP socket what [NewSide] returns.
func (s *Side) Begin(who event.Side, c Conn) { s.Peer, s.Conn, s.tcp = who, c, true }

// PeerEnding returns how the peer has ended its stream so far: [event.Open],
// [event.EOF] or [event.Reset].
func (s *Side) PeerEnding() event.Ending {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ending
}

// ResetChan returns a channel that is closed once the peer has reset the connection.
func (s *Side) ResetChan() <-chan struct{} { return s.reset.done() }

func (s *Side) wasReset() bool { return s.PeerEnding() == event.Reset }

func (s *Side) markEOF() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ending == event.Open {
		s.ending = event.EOF
	}
}

func (s *Side) markReset() {
	s.mu.Lock()
	first := s.ending != event.Reset
	s.ending = event.Reset
	s.mu.Unlock()
	if !first {
		return
	}
	s.reset.setOnce()
	if s.link != nil {
		s.link.noteReset()
	}
}

// CloseWrite sends FIN to the peer, once.
func (s *Side) CloseWrite() error {
	s.mu.Lock()
	sent := s.sentFIN
	s.sentFIN = true
	s.mu.Unlock()
	if sent {
		return nil
	}
	return s.Conn.CloseWrite()
}

// ResetPeer resets the peer and closes the side. One that has reset the connection itself is
// told nothing.
func (s *Side) ResetPeer() error {
	if s.isTCP() && s.wasReset() {
		return s.Conn.Close()
	}
	return sock.ResetConn(s.Conn)
}

// unackedBytes returns how many of the bytes written the peer's kernel has not
// acknowledged, our FIN not counted; 0 where nobody can tell, or need not.
func (s *Side) unackedBytes() int {
	if !s.isTCP() {
		return 0
	}
	n, err := sock.OutQueue(s.Conn)
	if err != nil {
		return 0
	}
	if s.hasSentFIN() {
		n--
	}
	return max(n, 0)
}

func (s *Side) hasSentFIN() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sentFIN
}

// eofHidesReset tells an end of file that the peer has sent from one that is
// left of a reset whose error a write has taken. The kernel counts a FIN as one
// byte received.
func (s *Side) eofHidesReset(received int64) bool {
	if s.wasReset() {
		return true
	}
	info, err := sock.TCPInfo(s.Conn)
	return err == nil && info.State == sock.Close && info.BytesReceived <= s.rawReceived(received)
}

// CheckSource looks whether the source was reset while the link could not notice
// that, because its destination takes nothing and so nobody reads from the source.
// It does not block; the owner of the links calls it now and then.
func (l *Link) CheckSource() {
	if !l.inWrite.Load() || l.src.PeerEnding() != event.Open || l.src.hasSentFIN() {
		return
	}
	// A peer that has only sent FIN leaves the state at CLOSE-WAIT, unless we have
	// sent ours in between.
	if info, err := sock.TCPInfo(l.src.Conn); err == nil && info.State == sock.Close && !l.src.hasSentFIN() {
		l.src.markReset()
	}
}

// classifyReadError says what an error of a read from the source means, and keeps it.
func (l *Link) classifyReadError(err error) ended {
	switch {
	case isReset(err), errors.Is(err, io.EOF) && l.src.eofHidesReset(l.received.Load()):
		l.src.markReset()
		return endedByReset
	case errors.Is(err, io.EOF):
		l.src.markEOF()
		l.recordEnd(event.FIN)
		l.emitEvent(event.Event{Kind: event.FIN, Side: l.src.Peer, Offset: l.received.Load()})
		return endedByFIN
	}
	return endedHere
}

// markBroken keeps that the destination takes nothing any more.
func (l *Link) markBroken(err error) {
	l.broken.Store(true)
	if isReset(err) {
		l.dst.markReset()
	}
}

// isReset reports whether a read or a write failed because the connection is no
// more: whatever the system says that is neither an end in order nor our doing.
func isReset(err error) bool {
	if errno, ok := err.(syscall.Errno); ok {
		return !errno.Timeout() || errno == syscall.ETIMEDOUT
	}
	var errno syscall.Errno
	return errors.As(err, &errno) && !errno.Timeout() || errors.Is(err, syscall.ETIMEDOUT)
}

// socketAddrs returns the addresses of the peer's socket and of ours.
func (s *Side) socketAddrs() (peer, own netip.AddrPort, err error) {
	p, ok1 := s.Conn.RemoteAddr().(*net.TCPAddr)
	o, ok2 := s.Conn.LocalAddr().(*net.TCPAddr)
	if !ok1 || !ok2 {
		return peer, own, sock.ErrUnsupported
	}
	return unmapAddrPort(p.AddrPort()), unmapAddrPort(o.AddrPort()), nil
}

// isLocal reports whether the peer is on this host.
func (s *Side) isLocal() bool {
	peer, own, err := s.socketAddrs()
	return err == nil && (peer.Addr().IsLoopback() || peer.Addr() == own.Addr())
}

func unmapAddrPort(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}
