package proxy

import (
	"errors"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// acceptEvents wakes one of the loops that share a port, not all.
const acceptEvents = unix.EPOLLIN | unix.EPOLLEXCLUSIVE

// listen takes a listener over, until [loop.unlisten]. It returns false where it
// cannot.
func (l *loop) listen(from net.Listener) bool {
	tcp, ok := from.(*net.TCPListener)
	if !ok {
		return false
	}
	port := -1
	raw, err := tcp.SyscallConn()
	if err == nil {
		err = raw.Control(func(fd uintptr) { port, _ = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0) })
	}
	if err != nil || port < 0 {
		return false
	}
	if heritage(port) != nil {
		_ = unix.Close(port)
		return false
	}
	if !l.acceptFrom(port) {
		return false
	}
	_ = tcp.Close() // so that the runtime is not woken by every connection
	return true
}

// heritage sets the options that package net gives to each connection. Those that
// are accepted have them from their listener.
func heritage(fd int) error {
	return errors.Join(
		unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1),
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1),
		unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, 15),
		unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, 15),
		unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPCNT, 9))
}

// unlisten ends what listen or join has begun. The loop accepts nothing any more when
// it returns.
func (l *loop) unlisten() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.port >= 0 {
		l.forget(l.port)
		_ = unix.Close(l.port)
		l.port = -1
	}
}

// accept takes one connection from the port.
func (l *loop) accept() (fd int, from syscall.Sockaddr, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.port < 0 {
		return -1, nil, unix.EAGAIN
	}
	fd, from, err = syscall.Accept4(l.port, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
	switch err {
	case nil, unix.EAGAIN, unix.EINTR, unix.ECONNABORTED:
		return fd, from, err
	}
	l.forget(l.port) // such as too many open files
	l.proxy.ends.Go(l.retry)
	return fd, from, err
}

// join makes the loop accept from the port of another one, too. It returns false where
// it cannot.
func (l *loop) join(first *loop) bool {
	first.mu.Lock()
	port := -1
	if first.port >= 0 {
		port, _ = unix.FcntlInt(uintptr(first.port), unix.F_DUPFD_CLOEXEC, 0)
	}
	first.mu.Unlock()
	return port >= 0 && l.acceptFrom(port)
}

// acceptFrom accepts from a port, which is the loop's then. It returns false where it
// cannot.
func (l *loop) acceptFrom(port int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || l.port >= 0 || l.watch(port, acceptEvents) != nil {
		_ = unix.Close(port)
		return false
	}
	l.port = port
	return true
}

// retry accepts again after a while.
func (l *loop) retry() {
	pause(l.proxy.ctx, loopRetry)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.port >= 0 {
		_ = l.watch(l.port, acceptEvents)
	}
}
