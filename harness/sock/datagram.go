package sock

import (
	"net"
	"syscall"
)

// A DatagramConn is a connected socket of UDP as a [Conn]: each Write is a datagram, and so
// is each Read. Its directions have no end, so that CloseWrite is an error.
type DatagramConn struct{ *net.UDPConn }

// CloseWrite implements [Conn]. The error is always syscall.ENOTSUP.
func (DatagramConn) CloseWrite() error { return syscall.ENOTSUP }

// ReadDatagram returns the next datagram that came, an empty one too, and its sender. It
// blocks; the error of a deadline is os.ErrDeadlineExceeded.
func ReadDatagram(c *net.UDPConn) (payload []byte, from net.Addr, err error) {
	buf := make([]byte, 1<<16) // longer than any datagram
	n, at, err := c.ReadFromUDPAddrPort(buf)
	if err != nil {
		return nil, nil, err
	}
	return buf[:n:n], net.UDPAddrFromAddrPort(at), nil
}
