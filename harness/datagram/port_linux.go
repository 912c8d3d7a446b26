package datagram

import (
	"errors"
	"net"
	"net/netip"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// controlSize is room for one address in a control message.
const controlSize = 64

// controlFD calls do with the descriptor of a socket.
func controlFD(conn *net.UDPConn, do func(fd int) error) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	failed := raw.Control(func(fd uintptr) { err = do(int(fd)) })
	return errors.Join(failed, err)
}

func isIPv4(fd int) bool {
	domain, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
	return err == nil && domain == unix.AF_INET
}

// shutPort makes the kernel answer datagrams by ICMP and keeps the port: a socket
// that is connected is for its peer only, and the peer is the socket itself
// (connect(2), udp(7)).
func shutPort(conn *net.UDPConn, at *net.UDPAddr) error {
	return controlFD(conn, func(fd int) error {
		self := at.IP
		if self.IsUnspecified() {
			self = net.IPv4(127, 0, 0, 1)
		}
		if isIPv4(fd) {
			return unix.Connect(fd, &unix.SockaddrInet4{Port: at.Port, Addr: [4]byte(self.To4())})
		}
		peer := &unix.SockaddrInet6{Port: at.Port, Addr: [16]byte(self.To16())}
		if at.Zone != "" {
			if i, err := net.InterfaceByName(at.Zone); err == nil {
				peer.ZoneId = uint32(i.Index)
			}
		}
		return unix.Connect(fd, peer)
	})
}

// reopenPort dissolves the association of a socket that was shut.
func reopenPort(conn *net.UDPConn) error {
	return controlFD(conn, func(fd int) error {
		none := unix.RawSockaddr{Family: unix.AF_UNSPEC}
		_, _, errno := unix.Syscall(unix.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(&none)), unsafe.Sizeof(none))
		if errno != 0 {
			return errno
		}
		return nil
	})
}

// wantLocal asks the kernel to tell for each datagram which of the host's
// addresses it was sent to.
func wantLocal(conn *net.UDPConn) error {
	return controlFD(conn, func(fd int) error {
		if isIPv4(fd) {
			return unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_PKTINFO, 1)
		}
		return unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1)
	})
}

// localOf returns the address that control messages tell of.
func localOf(messages []byte) netip.Addr {
	for len(messages) > 0 {
		header, data, rest, err := unix.ParseOneSocketControlMessage(messages)
		if err != nil {
			break
		}
		switch {
		case header.Level == unix.IPPROTO_IP && header.Type == unix.IP_PKTINFO && len(data) >= unix.SizeofInet4Pktinfo:
			return netip.AddrFrom4([4]byte(data[8:12]))
		case header.Level == unix.IPPROTO_IPV6 && header.Type == unix.IPV6_PKTINFO && len(data) >= unix.SizeofInet6Pktinfo:
			return netip.AddrFrom16([16]byte(data[:16]))
		}
		messages = rest
	}
	return netip.Addr{}
}

// fromLocal returns the control message with which a datagram leaves from an
// address of the host's. A socket of both families takes IPv6's only.
func fromLocal(local netip.Addr, at *net.UDPAddr) []byte {
	switch {
	case !local.IsValid():
		return nil
	case at.IP.To4() != nil:
		return unix.PktInfo4(&unix.Inet4Pktinfo{Spec_dst: local.Unmap().As4()})
	}
	return unix.PktInfo6(&unix.Inet6Pktinfo{Addr: local.As16()})
}

// An inlet reads from a connected socket and holds a buffer only while there is
// something in it.
type inlet struct {
	raw     syscall.RawConn
	failed  error
	buffers *buffers
	held    *[bufferSize]byte
	n       int
	err     error
}

func newInlet(conn *net.UDPConn, b *buffers) *inlet {
	raw, err := conn.SyscallConn()
	return &inlet{raw: raw, failed: err, buffers: b}
}

// receiveDatagram blocks until there is a datagram, or an error of the socket. The
// payload is valid until done.
func (i *inlet) receiveDatagram() ([]byte, error) {
	if i.failed != nil {
		return nil, net.ErrClosed
	}
	if err := i.raw.Read(i.tryReceive); err != nil {
		return nil, err
	}
	if i.err != nil {
		return nil, i.err
	}
	return i.held[:i.n], nil
}

func (i *inlet) tryReceive(fd uintptr) bool {
	b := i.buffers.getBuffer()
	for {
		i.n, i.err = unix.Read(int(fd), b[:])
		if i.err != unix.EINTR {
			break
		}
	}
	if i.err != nil {
		i.buffers.putBuffer(b)
		return i.err != unix.EAGAIN
	}
	i.held = b
	return true
}

// releaseBuffer gives the buffer back.
func (i *inlet) releaseBuffer() {
	if i.held != nil {
		i.buffers.putBuffer(i.held)
		i.held = nil
	}
}
