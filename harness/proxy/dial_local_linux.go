package proxy

import (
	"cmp"
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/link"
	"github.com/sockharness/harness/harness/sock"
	"github.com/sockharness/harness/toxics/hook"
)

// A localUpstream is where the upstream is, if it is on this host: a connect there is done, or
// has failed, when the call returns.
type localUpstream struct {
	upstream string         // that it was made from
	family   int            // 0: elsewhere, or not to be known without asking others
	addr     netip.AddrPort // the same
	raw      sock.RawAddress
	peer     *net.TCPAddr // the same; shared, never changed
}

func resolveLocal(upstream string) localUpstream {
	w := localUpstream{upstream: upstream}
	network, at, err := sock.ParseAddress(upstream)
	addr, failed := netip.ParseAddrPort(at)
	if err != nil || failed != nil || network != "tcp" || !addr.Addr().IsLoopback() || addr.Addr().Zone() != "" {
		return w
	}
	w.addr, w.raw, w.peer = addr, sock.NewRawAddress(addr), net.TCPAddrFromAddrPort(addr)
	if addr.Addr().Unmap().Is4() {
		w.family = unix.AF_INET
	} else {
		w.family = unix.AF_INET6
	}
	return w
}

// errNotAtOnce says that a dial has to wait: for the connect of the descriptor that comes
// with it, or, without one, for another dial.
var errNotAtOnce = errors.New("not connected at once")

// dialLocal connects to the upstream of a session, if that is done at once.
func (s *session) dialLocal() (fd int, peer *net.TCPAddr, err error) {
	p := s.proxy
	if len(s.upstreams) > 1 || p.cfg.DialContext != nil || p.dialWindow() != (hook.SocketLimits{}) {
		return -1, nil, errNotAtOnce
	}
	at := s.upstreams[0]
	if known := p.knownAddress(at); known != "" {
		at = known
	}
	way := p.way.Load()
	if way == nil || way.upstream != at {
		fresh := resolveLocal(at)
		way = &fresh
		p.way.Store(way)
	}
	if way.family == 0 {
		return -1, nil, errNotAtOnce
	}
	if p.isAt(way.addr) {
		return -1, nil, &net.OpError{Op: "dial", Net: "tcp", Addr: way.peer, Err: errSelf}
	}
	if fd, err = way.dialNow(); err != nil && at != s.upstreams[0] {
		err = errNotAtOnce // the name may be elsewhere by now
	}
	return fd, way.peer, err
}

// finishDial waits for a connect that was not done at once, as on a busy host.
func (s *session) finishDial(fd int, peer *net.TCPAddr) (*link.Side, error) {
	scope, end := s.scope()
	defer end()
	ctx, cancel := context.WithTimeout(scope, s.proxy.cfg.DialTimeout)
	defer cancel()
	c := &rawConn{fd: fd, peer: peer}
	stop := context.AfterFunc(ctx, func() { _ = c.SetWriteDeadline(time.Unix(1, 0)) })
	to := sock.NewRawAddress(peer.AddrPort())
	var failed error
	err := rawSyscallConn{c}.Write(func(fd uintptr) bool {
		failed = sock.ConnectNoWait(int(fd), &to)
		return failed != unix.EALREADY && failed != unix.EINPROGRESS
	})
	switch {
	case !stop():
		err = ctx.Err()
	case err == nil && failed != nil && failed != unix.EISCONN:
		err = os.NewSyscallError("connect", failed)
	}
	if err != nil {
		_ = c.Close()
		s.proxy.named.Store(nil) // it may be elsewhere by now
		return nil, &net.OpError{Op: "dial", Net: "tcp", Addr: peer, Err: err}
	}
	_ = c.withFD(sock.NoDelayNoWait)
	s.noteDialled(c)
	return link.NewSide(event.Server, c), nil
}

// noteDialled says that the upstream was dialled.
func (s *session) noteDialled(c *rawConn) {
	s.recordOpened(event.Dial, event.Server, c)
	s.emitEvent(event.Event{Kind: event.Dial, Side: event.Server, Detail: s.addrPair(c.LocalAddr, c.RemoteAddr)})
}

// dialNow connects. When that is not done at once, the upstream has not answered the SYN
// yet, or has dropped it. A host does not lose itself: the socket needs no keep-alive.
func (w *localUpstream) dialNow() (int, error) {
	fd, err := unix.Socket(w.family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.IPPROTO_TCP)
	if err != nil {
		return -1, errNotAtOnce
	}
	var failed error
	if err = sock.ConnectNoWait(fd, &w.raw); err == unix.EINPROGRESS {
		// The second call says what has become of the first one.
		switch err = sock.ConnectNoWait(fd, &w.raw); err {
		case nil:
		case unix.EALREADY, unix.EINTR:
			return fd, errNotAtOnce
		default:
			failed = &net.OpError{Op: "dial", Net: "tcp", Addr: w.peer, Err: os.NewSyscallError("connect", err)}
		}
	}
	if err != nil {
		_ = sock.CloseNoWait(fd)
		return -1, cmp.Or(failed, error(errNotAtOnce))
	}
	_ = sock.NoDelayNoWait(fd)
	return fd, nil
}
