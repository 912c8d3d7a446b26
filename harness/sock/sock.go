// Package sock does with a socket what package net hides: it asks the kernel
// how much of what was sent the other process has read, resets a connection,
// sees a reset behind an end of file, makes a window tiny, and holds a port that
// refuses connections or leaves them without an answer.
//
//	unread, err := sock.OutQueue(conn) // bytes that the other kernel has not acknowledged
//	port, err := sock.BindPort("127.0.0.1:0", hook.SocketLimits{})
//	err = port.RefuseConnects() // the port stays ours
//	err = sock.ResetConn(conn)  // RST instead of FIN
//
// Most of it is Linux only and needs no privilege. Where the system cannot do
// it, the error is [ErrUnsupported]. Sockets must be plain TCP: of a Multipath
// TCP socket the kernel does not tell the truth about unread bytes.
package sock

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
)

// ErrUnsupported says that this system cannot tell or do what was asked. It is
// an [errors.ErrUnsupported].
var ErrUnsupported = fmt.Errorf("socket act: %w", errors.ErrUnsupported)

// ErrNotFound says that there is no such connection, process or descriptor on
// this host, or not any more.
var ErrNotFound = errors.New("socket not found")

// A Conn is a stream connection with a descriptor and two directions, such as
// [*net.TCPConn] and [*net.UnixConn].
type Conn interface {
	net.Conn
	CloseWrite() error
	syscall.Conn
}

// A State is that of a TCP connection, by the kernel's numbers.
type State uint8

// The states, see RFC 9293 section 3.3.2.
const (
	Established State = iota + 1
	SynSent
	SynReceived
	FinWait1
	FinWait2
	TimeWait
	Close
	CloseWait
	LastAck
	Listen
	Closing
	NewSynReceived
)

var stateNames = [...]string{"unknown", "established", "syn-sent", "syn-received", "fin-wait-1", "fin-wait-2",
	"time-wait", "close", "close-wait", "last-ack", "listen", "closing", "syn-received"}

// String returns the state's name in lower case, such as "close-wait".
func (s State) String() string {
	if int(s) >= len(stateNames) {
		s = 0
	}
	return stateNames[s]
}

// A Socket is what sock_diag tells of a TCP socket of any process on this host.
type Socket struct {
	State State // state of the connection
	// RQueue counts the bytes that the kernel has acknowledged and the process
	// has not read; an unread FIN counts as one unless it came while bytes
	// before it were unread.
	RQueue uint32
	// WQueue counts the bytes that the other side has not acknowledged.
	WQueue uint32
	// Inode is that of the socket: the number in /proc/PID/fd. It is zero until
	// the process has accepted the connection and after it has closed it.
	Inode uint32
	// UID owns the socket.
	UID uint32
	// BytesReceived counts the bytes received in order since the connection was
	// established, read or not; a FIN counts as one.
	BytesReceived uint64
	// BytesAcked counts the bytes that the other side has acknowledged. On the
	// side that connected, the SYN counts as one.
	BytesAcked uint64

	measured bool // the kernel took the socket's lock and filled the counters in
}

// A Listener is a TCP socket that accepts connections.
type Listener struct {
	Addr  netip.AddrPort // IPv4 addresses are never mapped into IPv6
	Inode uint32         // the number in /proc/PID/fd
	UID   uint32         // user that owns the socket
	// Queued connections are established and wait to be accepted.
	Queued uint32
	// Backlog is what the process asked of listen(2), as far as the system allows.
	Backlog uint32
}

// QueueFull reports whether the kernel leaves the next connection without an answer:
// the one that comes while Queued is beyond Backlog.
func (l Listener) QueueFull() bool { return l.Queued > l.Backlog }
