package proxy

import (
	"net"
	"sync/atomic"
	"syscall"

	"github.com/sockharness/harness/harness/link"
	"github.com/sockharness/harness/harness/sock"
)

// asStream returns a connection as a link takes it.
func asStream(c net.Conn) link.Conn {
	if whole, ok := c.(link.Conn); ok {
		return whole
	}
	return &plainStream{Conn: c}
}

// A plainStream is a connection of which nothing is known but that it reads, writes and
// closes, such as one within this process. There is no socket of which a kernel could
// tell anything.
type plainStream struct {
	net.Conn
	sent, received atomic.Int64
}

var _ link.WrappedConn = (*plainStream)(nil)

// WireCounts implements [link.WrappedConn].
func (s *plainStream) WireCounts() (sent, received int64) { return s.sent.Load(), s.received.Load() }

// Read implements [net.Conn].
func (s *plainStream) Read(p []byte) (int, error) {
	n, err := s.Conn.Read(p)
	s.received.Add(int64(n))
	return n, err
}

// Write implements [net.Conn].
func (s *plainStream) Write(p []byte) (int, error) {
	n, err := s.Conn.Write(p)
	s.sent.Add(int64(n))
	return n, err
}

// CloseWrite ends the stream to the peer: alone where that can be, else with the other
// one.
func (s *plainStream) CloseWrite() error {
	if half, ok := s.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return s.Close()
}

// SyscallConn implements [syscall.Conn].
func (s *plainStream) SyscallConn() (syscall.RawConn, error) { return nil, sock.ErrUnsupported }
