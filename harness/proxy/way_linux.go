package proxy

import (
	"errors"
	"net"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"

	"github.com/sockharness/harness/harness/sock"
	"github.com/sockharness/harness/harness/wire"
)

// A way is where the upstream is, if it is on this host: a connect there is done, or
// has failed, when the call returns.
type way struct {
	upstream string // that it was made from
	family   int    // 0: elsewhere, or not to be known without asking others
	to       unix.Sockaddr
	at       netip.AddrPort // the same
	peer     *net.TCPAddr   // the same
}

func wayTo(upstream string) way {
	w := way{upstream: upstream}
	network, at, err := sock.ParseAddress(upstream)
	addr, failed := netip.ParseAddrPort(at)
	if err != nil || failed != nil || network != "tcp" || !addr.Addr().IsLoopback() || addr.Addr().Zone() != "" {
		return w
	}
	w.at, w.peer = addr, net.TCPAddrFromAddrPort(addr)
	if addr.Addr().Unmap().Is4() {
		w.family, w.to = unix.AF_INET, &unix.SockaddrInet4{Addr: addr.Addr().Unmap().As4(), Port: int(addr.Port())}
	} else {
		w.family, w.to = unix.AF_INET6, &unix.SockaddrInet6{Addr: addr.Addr().As16(), Port: int(addr.Port())}
	}
	return w
}

// errNotAtOnce says that a dial has to wait, and so has to be another one.
var errNotAtOnce = errors.New("not connected at once")

// dial connects to the upstream of a session, if that is done at once.
func (l *loop) dial(s *session) (fd int, peer *net.TCPAddr, err error) {
	if len(s.to) > 1 || l.proxy.dialWindow() != (wire.Window{}) {
		return -1, nil, errNotAtOnce
	}
	if l.way.upstream != s.to[0] {
		l.way = wayTo(s.to[0])
	}
	if l.way.family == 0 {
		return -1, nil, errNotAtOnce
	}
	if l.proxy.isAt(l.way.at) {
		return -1, nil, &net.OpError{Op: "dial", Net: "tcp", Addr: l.way.peer, Err: errSelf}
	}
	fd, err = l.way.dial()
	return fd, l.way.peer, err
}

// dial connects. When that is not done at once, nothing but a SYN was sent, which the
// upstream has dropped. A host does not lose itself: the socket needs no keep-alive.
func (w way) dial() (int, error) {
	fd, err := unix.Socket(w.family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.IPPROTO_TCP)
	if err != nil {
		return -1, errNotAtOnce
	}
	failed := error(errNotAtOnce)
	if err = unix.Connect(fd, w.to); err == unix.EINPROGRESS {
		// The second call says what has become of the first one.
		if err = unix.Connect(fd, w.to); err != nil && err != unix.EALREADY && err != unix.EINTR {
			failed = &net.OpError{Op: "dial", Net: "tcp", Addr: w.peer, Err: os.NewSyscallError("connect", err)}
		}
	}
	if err != nil {
		_ = unix.Close(fd)
		return -1, failed
	}
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	return fd, nil
}
