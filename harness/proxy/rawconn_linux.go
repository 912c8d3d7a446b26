package proxy

import (
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sockharness/harness/harness/link"
	"github.com/sockharness/harness/harness/sock"
)

// A rawConn is a socket that the runtime does not poll until somebody wants to wait
// for it. Before, it has addresses and ends. What package net would make of it
// costs five times as many system calls.
type rawConn struct {
	from sock.RawAddress         // of the peer, unless there is one:
	peer net.Addr                // shared
	file atomic.Pointer[os.File] // polled by the runtime; nil before

	mu  sync.Mutex // guards what follows
	fd  int        // -1: closed, or the file's
	own net.Addr
}

var _ link.Conn = (*rawConn)(nil)

// registerPoller has the runtime poll the socket from now on.
func (b *rawConn) registerPoller() (*os.File, error) {
	if f := b.file.Load(); f != nil {
		return f, nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if f := b.file.Load(); f != nil {
		return f, nil
	}
	if b.fd < 0 {
		return nil, net.ErrClosed
	}
	f := os.NewFile(uintptr(b.fd), "tcp")
	b.fd = -1
	b.file.Store(f)
	return f, nil
}

// newRawConn takes over the socket of a connection of package net. It returns nil, and
// leaves the connection alone, where that cannot be.
func newRawConn(c net.Conn) *rawConn {
	var source syscall.Conn
	switch c := c.(type) {
	case *net.TCPConn:
		source = c
	case *net.UnixConn:
		source = c
	default:
		return nil
	}
	fd := dupFD(source)
	if fd < 0 {
		return nil
	}
	b := &rawConn{fd: fd, peer: c.RemoteAddr(), own: c.LocalAddr()}
	if b.peer == nil {
		b.peer = &net.UnixAddr{Net: "unix"}
	}
	_ = c.Close()
	return b
}

// dupFD returns another descriptor of a socket, or -1.
func dupFD(c syscall.Conn) int {
	fd := -1
	raw, err := c.SyscallConn()
	if err == nil {
		err = raw.Control(func(old uintptr) { fd, _ = unix.FcntlInt(old, unix.F_DUPFD_CLOEXEC, 0) })
	}
	if err != nil {
		return -1
	}
	return fd
}

// leavePoller has the runtime poll the socket no more, and returns its descriptor, or -1. Nobody
// may wait for the socket.
func (b *rawConn) leavePoller() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	f := b.file.Load()
	if f == nil {
		return b.fd
	}
	fd := dupFD(f)
	if fd < 0 {
		return -1
	}
	b.file.Store(nil)
	b.fd = fd
	_ = f.Close()
	return fd
}

// withFD runs f on the descriptor.
func (b *rawConn) withFD(f func(fd int) error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	file := b.file.Load()
	if file == nil {
		if b.fd < 0 {
			return net.ErrClosed
		}
		return f(b.fd)
	}
	raw, err := file.SyscallConn()
	if err != nil {
		return closedAsNet(err)
	}
	var failed error
	if err := raw.Control(func(fd uintptr) { failed = f(int(fd)) }); err != nil {
		return net.ErrClosed
	}
	return failed
}

// closedAsNet makes the error of a closed file that of a closed connection.
func closedAsNet(err error) error {
	if errors.Is(err, os.ErrClosed) {
		return net.ErrClosed
	}
	return err
}

// unpolled runs f on the descriptor if the runtime does not poll it: without a closure
// that outlives the call.
func (b *rawConn) unpolled(f func(fd int) error) (done bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.file.Load() != nil || b.fd < 0 {
		return false, nil
	}
	return true, f(b.fd)
}

// Close implements [net.Conn].
func (b *rawConn) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if f := b.file.Load(); f != nil {
		return closedAsNet(f.Close())
	}
	if b.fd < 0 {
		return net.ErrClosed
	}
	fd := b.fd
	b.fd = -1
	return os.NewSyscallError("close", sock.CloseNoWait(fd))
}

// CloseWrite implements [link.Conn].
func (b *rawConn) CloseWrite() error {
	if done, err := b.unpolled(func(fd int) error { return sock.ShutdownNoWait(fd, unix.SHUT_WR) }); done {
		return os.NewSyscallError("shutdown", err)
	}
	return b.withFD(func(fd int) error { return os.NewSyscallError("shutdown", sock.ShutdownNoWait(fd, unix.SHUT_WR)) })
}

// SetLinger says what a close does, as that of [net.TCPConn].
func (b *rawConn) SetLinger(sec int) error {
	if sec == 0 {
		if done, err := b.unpolled(sock.LingerNoWait); done {
			return os.NewSyscallError("setsockopt", err)
		}
	}
	l := unix.Linger{Onoff: 1, Linger: int32(sec)}
	if sec < 0 {
		l = unix.Linger{}
	}
	return b.withFD(func(fd int) error {
		return os.NewSyscallError("setsockopt", unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &l))
	})
}

// RemoteAddr implements [net.Conn].
func (b *rawConn) RemoteAddr() net.Addr {
	if b.peer == nil {
		return b.from.TCPAddr()
	}
	return b.peer
}

// LocalAddr implements [net.Conn]. It has no port when it was not asked for before
// the socket was closed.
func (b *rawConn) LocalAddr() net.Addr {
	_ = b.withFD(func(fd int) error {
		if b.own != nil {
			return nil
		}
		sa, err := syscall.Getsockname(fd)
		if err == nil {
			b.own = addrOf(sa)
		}
		return err
	})
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.own == nil {
		return &net.TCPAddr{}
	}
	return b.own
}

// Read implements [net.Conn].
func (b *rawConn) Read(p []byte) (int, error) {
	f, err := b.registerPoller()
	if err != nil {
		return 0, err
	}
	n, err := f.Read(p)
	return n, closedAsNet(err)
}

// Write implements [net.Conn].
func (b *rawConn) Write(p []byte) (int, error) {
	f, err := b.registerPoller()
	if err != nil {
		return 0, err
	}
	n, err := f.Write(p)
	return n, closedAsNet(err)
}

// SetDeadline implements [net.Conn].
func (b *rawConn) SetDeadline(t time.Time) error { return b.setDeadlineOn(t, (*os.File).SetDeadline) }

// SetReadDeadline implements [net.Conn].
func (b *rawConn) SetReadDeadline(t time.Time) error {
	return b.setDeadlineOn(t, (*os.File).SetReadDeadline)
}

// SetWriteDeadline implements [net.Conn].
func (b *rawConn) SetWriteDeadline(t time.Time) error {
	return b.setDeadlineOn(t, (*os.File).SetWriteDeadline)
}

func (b *rawConn) setDeadlineOn(t time.Time, set func(*os.File, time.Time) error) error {
	if t.IsZero() && b.file.Load() == nil {
		return b.withFD(func(int) error { return nil }) // there is none
	}
	f, err := b.registerPoller()
	if err != nil {
		return err
	}
	return closedAsNet(set(f, t))
}

// SyscallConn implements [syscall.Conn]. The runtime has nothing to do with the socket as
// long as nobody has to wait for it.
func (b *rawConn) SyscallConn() (syscall.RawConn, error) { return rawSyscallConn{b}, nil }

// A rawSyscallConn lets others at the descriptor.
type rawSyscallConn struct{ conn *rawConn }

// Control implements [syscall.RawConn].
func (r rawSyscallConn) Control(f func(uintptr)) error {
	return r.conn.withFD(func(fd int) error {
		f(uintptr(fd))
		return nil
	})
}

// Read implements [syscall.RawConn].
func (r rawSyscallConn) Read(f func(uintptr) bool) error { return r.wait(f, syscall.RawConn.Read) }

// Write implements [syscall.RawConn].
func (r rawSyscallConn) Write(f func(uintptr) bool) error { return r.wait(f, syscall.RawConn.Write) }

// wait calls f again and again until it is done.
func (r rawSyscallConn) wait(f func(uintptr) bool, polled func(syscall.RawConn, func(uintptr) bool) error) error {
	if done, err := r.conn.tryUnpolled(f); done || err != nil {
		return err
	}
	file, err := r.conn.registerPoller()
	if err != nil {
		return err
	}
	raw, err := file.SyscallConn()
	if err != nil {
		return closedAsNet(err)
	}
	return closedFile(polled(raw, f))
}

// tryUnpolled calls f on the descriptor if the runtime does not poll it. A deadline that
// is over would have made the runtime do so.
func (b *rawConn) tryUnpolled(f func(uintptr) bool) (done bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.file.Load() != nil:
		return false, nil
	case b.fd < 0:
		return false, net.ErrClosed
	}
	return f(uintptr(b.fd)), nil
}

// closedFile tells what the runtime says of a closed file, and has no name for, from
// a deadline that is over. There is nothing else that it says.
func closedFile(err error) error {
	if err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	return net.ErrClosed
}

// addrOf translates the address of a TCP socket.
func addrOf(sa syscall.Sockaddr) *net.TCPAddr {
	switch sa := sa.(type) {
	case *syscall.SockaddrInet4:
		return &net.TCPAddr{IP: net.IP(sa.Addr[:]), Port: sa.Port}
	case *syscall.SockaddrInet6:
		at := &net.TCPAddr{IP: net.IP(sa.Addr[:]), Port: sa.Port}
		if sa.ZoneId != 0 {
			if i, err := net.InterfaceByIndex(int(sa.ZoneId)); err == nil {
				at.Zone = i.Name
			}
		}
		return at
	}
	return &net.TCPAddr{}
}
