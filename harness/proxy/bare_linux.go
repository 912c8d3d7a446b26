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
)

// A bare is a TCP socket that the runtime does not poll until somebody wants to
// wait for it. Before, it has addresses and ends. What package net would make of it
// costs five times as many system calls.
type bare struct {
	peer *net.TCPAddr
	file atomic.Pointer[os.File] // polled by the runtime; nil before

	mu  sync.Mutex // guards what follows
	fd  int        // -1: closed, or the file's
	own *net.TCPAddr
}

var _ link.Conn = (*bare)(nil)

// adopt has the runtime poll the socket from now on.
func (b *bare) adopt() (*os.File, error) {
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

// with runs f on the descriptor.
func (b *bare) with(f func(fd int) error) error {
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

// Close implements [net.Conn].
func (b *bare) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if f := b.file.Load(); f != nil {
		return closedAsNet(f.Close())
	}
	if b.fd < 0 {
		return net.ErrClosed
	}
	err := unix.Close(b.fd)
	b.fd = -1
	return os.NewSyscallError("close", err)
}

// CloseWrite implements [link.Conn].
func (b *bare) CloseWrite() error {
	return b.with(func(fd int) error { return os.NewSyscallError("shutdown", unix.Shutdown(fd, unix.SHUT_WR)) })
}

// SetLinger says what a close does, as that of [net.TCPConn].
func (b *bare) SetLinger(sec int) error {
	l := unix.Linger{Onoff: 1, Linger: int32(sec)}
	if sec < 0 {
		l = unix.Linger{}
	}
	return b.with(func(fd int) error {
		return os.NewSyscallError("setsockopt", unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &l))
	})
}

// RemoteAddr implements [net.Conn].
func (b *bare) RemoteAddr() net.Addr { return b.peer }

// LocalAddr implements [net.Conn]. It has no port when it was not asked for before
// the socket was closed.
func (b *bare) LocalAddr() net.Addr {
	_ = b.with(func(fd int) error {
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
func (b *bare) Read(p []byte) (int, error) {
	f, err := b.adopt()
	if err != nil {
		return 0, err
	}
	n, err := f.Read(p)
	return n, closedAsNet(err)
}

// Write implements [net.Conn].
func (b *bare) Write(p []byte) (int, error) {
	f, err := b.adopt()
	if err != nil {
		return 0, err
	}
	n, err := f.Write(p)
	return n, closedAsNet(err)
}

// SetDeadline implements [net.Conn].
func (b *bare) SetDeadline(t time.Time) error { return b.expire(t, (*os.File).SetDeadline) }

// SetReadDeadline implements [net.Conn].
func (b *bare) SetReadDeadline(t time.Time) error { return b.expire(t, (*os.File).SetReadDeadline) }

// SetWriteDeadline implements [net.Conn].
func (b *bare) SetWriteDeadline(t time.Time) error { return b.expire(t, (*os.File).SetWriteDeadline) }

func (b *bare) expire(t time.Time, set func(*os.File, time.Time) error) error {
	f, err := b.adopt()
	if err != nil {
		return err
	}
	return closedAsNet(set(f, t))
}

// SyscallConn implements [syscall.Conn].
func (b *bare) SyscallConn() (syscall.RawConn, error) {
	f, err := b.adopt()
	if err != nil {
		return nil, err
	}
	raw, err := f.SyscallConn()
	if err != nil {
		return nil, closedAsNet(err)
	}
	return bareRaw{raw}, nil
}

// A bareRaw is the file's, with the errors of a connection.
type bareRaw struct{ syscall.RawConn }

func (r bareRaw) Control(f func(uintptr)) error    { return closedFile(r.RawConn.Control(f)) }
func (r bareRaw) Read(f func(uintptr) bool) error  { return closedFile(r.RawConn.Read(f)) }
func (r bareRaw) Write(f func(uintptr) bool) error { return closedFile(r.RawConn.Write(f)) }

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
