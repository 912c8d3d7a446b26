package sock

import (
	"errors"
	"net"
	"os"

	"golang.org/x/sys/unix"

	"github.com/sockharness/harness/toxics/hook"
)

const (
	backlog   = 1<<16 - 1 // the kernel cuts it down to net.core.somaxconn
	bindTries = 16
)

// A binding is a bound descriptor. Listen and shutdown turn it between
// accepting and refusing; the listeners that others see are duplicates of it.
type binding struct {
	fd        int
	addr      *net.TCPAddr
	filler    int // descriptor of the connection that fills the accept queue, or -1
	listening bool
	window    hook.SocketLimits
}

// bindHolder returns a binding to an explicit port: one that the kernel picked at
// bind would be lost at the first shutdown.
func bindHolder(want *net.TCPAddr, w hook.SocketLimits) (holder, *net.TCPAddr, error) {
	if want.Port != 0 {
		b, err := bindExplicit(want, w)
		return b, want, err
	}
	var failed error
	for range bindTries {
		at, err := freePort(want)
		if err != nil {
			return nil, nil, err
		}
		b, err := bindExplicit(at, w)
		if err == nil {
			return b, at, nil
		}
		failed = err
	}
	return nil, nil, failed
}

// freePort returns the address with a port that was free a moment ago.
func freePort(want *net.TCPAddr) (*net.TCPAddr, error) {
	fd, err := boundSocket(want, false, hook.SocketLimits{})
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	sa, err := unix.Getsockname(fd)
	if err != nil {
		return nil, wrapErrno("getsockname", err)
	}
	at := *want
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		at.Port = sa.Port
	case *unix.SockaddrInet6:
		at.Port = sa.Port
	}
	return &at, nil
}

// bindExplicit binds without SO_REUSEADDR where it can: another process that
// has the option could listen on the port while it does not listen here. Only
// connections of an earlier listener make the option necessary.
func bindExplicit(at *net.TCPAddr, w hook.SocketLimits) (*binding, error) {
	fd, err := boundSocket(at, false, w)
	reused := errors.Is(err, unix.EADDRINUSE)
	if reused {
		fd, err = boundSocket(at, true, w)
	}
	if err != nil {
		return nil, err
	}
	b := &binding{fd: fd, addr: at, filler: -1, window: w}
	if reused {
		if err := b.setShared(false); err != nil {
			return nil, errors.Join(err, unix.Close(fd))
		}
	}
	return b, nil
}

// boundSocket returns a socket that is bound to the address.
func boundSocket(at *net.TCPAddr, reuse bool, w hook.SocketLimits) (int, error) {
	family, sa := toSockaddr(at)
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.IPPROTO_TCP)
	if err != nil {
		return -1, wrapErrno("socket", err)
	}
	if err = setWindow(uintptr(fd), w); err == nil && reuse {
		b := binding{fd: fd}
		err = b.setShared(true)
	}
	if err == nil && family == unix.AF_INET6 && at.IP.IsUnspecified() {
		err = wrapErrno("IPV6_V6ONLY", unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 0))
	}
	if err == nil {
		err = wrapErrno("bind", unix.Bind(fd, sa))
	}
	if err != nil {
		_ = unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// toSockaddr translates the address. No host means both families, where there is IPv6.
func toSockaddr(at *net.TCPAddr) (family int, sa unix.Sockaddr) {
	if at.IP == nil && !hasIPv6() {
		return unix.AF_INET, &unix.SockaddrInet4{Port: at.Port}
	}
	if ip := at.IP.To4(); ip != nil {
		return unix.AF_INET, &unix.SockaddrInet4{Port: at.Port, Addr: [4]byte(ip)}
	}
	six := &unix.SockaddrInet6{Port: at.Port, ZoneId: scopeID(at.AddrPort().Addr())}
	copy(six.Addr[:], at.IP)
	return unix.AF_INET6, six
}

func hasIPv6() bool {
	_, err := os.Stat("/proc/net/if_inet6")
	return err == nil
}

// setShared says whether others with SO_REUSEADDR may bind the port too.
func (b *binding) setShared(on bool) error {
	value := 0
	if on {
		value = 1
	}
	return wrapErrno("SO_REUSEADDR", unix.SetsockoptInt(b.fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, value))
}

func (b *binding) startListening() (net.Listener, error) {
	fd, err := b.listenFD()
	if err != nil {
		return nil, err
	}
	// Not os.NewFile on the descriptor itself: its finalizer would close it.
	f := os.NewFile(uintptr(fd), "port")
	defer f.Close()
	return net.FileListener(f)
}

// listenFD turns the socket to accepting, and returns another descriptor of it.
func (b *binding) listenFD() (int, error) {
	if err := b.startBacklog(backlog); err != nil {
		return -1, err
	}
	if err := b.removeFiller(); err != nil {
		return -1, err
	}
	fd, err := unix.FcntlInt(uintptr(b.fd), unix.F_DUPFD_CLOEXEC, 0)
	return fd, wrapErrno("dup", err)
}

// ListenFD is [Port.StartListening] for a caller who accepts by himself: it returns a
// descriptor of the port, which does not block. The caller closes it. The error is
// [ErrUnsupported] for a unix socket.
func (p *Port) ListenFD() (fd int, err error) {
	err = p.changeState("listen", true, func(h holder) (err error) {
		b, ok := h.(*binding)
		if !ok {
			return ErrUnsupported
		}
		fd, err = b.listenFD()
		return err
	})
	if err != nil {
		return -1, err
	}
	return fd, nil
}

// startBacklog turns the socket to accepting. SO_REUSEADDR lets it do so beside
// connections from the time before.
func (b *binding) startBacklog(backlog int) error {
	if err := b.setShared(true); err != nil {
		return err
	}
	if err := unix.Listen(b.fd, backlog); err != nil {
		return wrapErrno("listen", err)
	}
	b.listening = true
	return nil
}

// refuseConnects resets what waits in the queue, the filler included. A socket that does
// not listen must not be shut down: Linux answers ENOTCONN and keeps the flag all
// the same, and every connection accepted later inherits it and reads EOF.
func (b *binding) refuseConnects() error {
	if b.listening {
		if err := unix.Shutdown(b.fd, unix.SHUT_RD); err != nil {
			return wrapErrno("shutdown", err)
		}
		b.listening = false
	}
	b.dropFiller()
	return b.setShared(false)
}

// setWindow sets the socket's window again. What listens hands it down to every
// connection that it makes.
func (b *binding) setWindow(w hook.SocketLimits) error {
	if w.ReceiveBuffer == 0 && b.window.ReceiveBuffer != 0 {
		if err := unlockReceiveBuffer(b.fd); err != nil {
			return err
		}
	}
	if w.SegmentSize == 0 && b.window.SegmentSize != 0 {
		if err := unix.SetsockoptInt(b.fd, unix.IPPROTO_TCP, unix.TCP_MAXSEG, 0); err != nil {
			return wrapErrno("TCP_MAXSEG", err)
		}
	}
	if err := setWindow(uintptr(b.fd), w); err != nil {
		return err
	}
	b.window = w
	return nil
}

func (b *binding) closeSocket() error {
	b.dropFiller()
	return unix.Close(b.fd)
}

func (b *binding) acceptPending() ([]net.Conn, error) { return acceptAll(b.fd) }

// acceptAll accepts what waits on a descriptor that does not block.
func acceptAll(fd int) (list []net.Conn, err error) {
	for {
		one, _, err := unix.Accept4(fd, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		switch err {
		case nil:
		case unix.EINTR, unix.ECONNABORTED:
			continue
		case unix.EAGAIN:
			return list, nil
		default:
			return list, wrapErrno("accept", err)
		}
		f := os.NewFile(uintptr(one), "pending")
		c, err := net.FileConn(f)
		_ = f.Close()
		if err != nil {
			return list, err
		}
		list = append(list, c)
	}
}
