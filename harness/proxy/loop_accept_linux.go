package proxy

import (
	"errors"
	"net"
	"slices"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/sockharness/harness/harness/sleep"
	"github.com/sockharness/harness/harness/sock"
)

// acceptEvents wakes one of the loops that share a port, not all.
const acceptEvents = unix.EPOLLIN | unix.EPOLLEXCLUSIVE

// A loopPort is the port of a proxy, which loops accept from.
type loopPort struct {
	proxy *Proxy
	own   net.Addr // that of every connection's socket here; nil: each has another one

	mu        sync.Mutex // guards what follows; taken before that of a loop
	fd        int        // -1: closed
	loops     []*loop
	accepting int // that were accepted and have no session yet
}

// listenOn accepts from a port, until [loopPort.stopListening]. It returns nil where it
// cannot.
func (l *loop) listenOn(p *Proxy, from port) *loopPort {
	bound, ok := from.(*sock.Port)
	if !ok {
		return nil
	}
	at, ok := bound.Addr().(*net.TCPAddr)
	if !ok {
		return nil
	}
	port := &loopPort{proxy: p}
	if !at.IP.IsUnspecified() {
		port.own = at
	}
	var err error
	if port.fd, err = bound.ListenFD(); err != nil { // not by a listener: the runtime would be woken by every connection
		return nil
	}
	if setInheritedOptions(port.fd, at.IP.IsLoopback()) != nil || !l.acceptFrom(port) {
		_ = unix.Close(port.fd)
		return nil
	}
	return port
}

// setInheritedOptions sets the options that package net gives to each connection. Those that
// are accepted have them from their listener. A host does not lose itself: there the
// connections need no keep-alive.
func setInheritedOptions(fd int, loopback bool) error {
	err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	if loopback {
		return err
	}
	return errors.Join(err,
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1),
		unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, 15),
		unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, 15),
		unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPCNT, 9))
}

// stopListening ends what listenOn has begun. Nothing is accepted any more when it
// returns. It may be called more than once, and of nil does nothing.
func (port *loopPort) stopListening() {
	if port == nil {
		return
	}
	port.mu.Lock()
	defer port.mu.Unlock()
	if port.fd < 0 {
		return
	}
	for _, l := range port.loops {
		l.forgetPort(port.fd)
	}
	_ = unix.Close(port.fd)
	port.fd, port.loops = -1, nil
}

// acceptOne takes one connection from the port. What it returns counts as one of the
// proxy's goroutines until it is served, see noteServed.
func (port *loopPort) acceptOne(from *sock.RawAddress) (fd int, err error) {
	port.mu.Lock()
	defer port.mu.Unlock()
	if port.fd < 0 {
		return -1, unix.EAGAIN
	}
	fd, err = sock.AcceptNoWait(port.fd, from)
	switch err {
	case nil:
		port.accepting++
		port.proxy.wg.Add(1)
		return fd, nil
	case unix.EAGAIN, unix.EINTR, unix.ECONNABORTED:
		return fd, err
	}
	for _, l := range port.loops {
		l.forgetFD(port.fd) // such as too many open files
	}
	port.proxy.wg.Go(port.retryAccept)
	return fd, err
}

// noteServed says that what was accepted has its session.
func (port *loopPort) noteServed() {
	port.mu.Lock()
	port.accepting--
	port.mu.Unlock()
	port.proxy.noteFewer()
	port.proxy.wg.Done()
}

func (port *loopPort) numAccepting() int {
	if port == nil {
		return 0
	}
	port.mu.Lock()
	defer port.mu.Unlock()
	return port.accepting
}

// retryAccept accepts again after a while.
func (port *loopPort) retryAccept() {
	sleep.For(port.proxy.ctx, loopRetry)
	port.mu.Lock()
	defer port.mu.Unlock()
	for _, l := range port.loops {
		_ = l.watchFD(port.fd, acceptEvents) // it may be watched again by now
	}
}

// acceptFrom has the loop accept from a port. It returns false where it cannot.
func (l *loop) acceptFrom(port *loopPort) bool {
	port.mu.Lock()
	defer port.mu.Unlock()
	if port.fd < 0 || slices.Contains(port.loops, l) {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return false
	}
	l.ports[port.fd] = port
	if l.watchFD(port.fd, acceptEvents) != nil {
		delete(l.ports, port.fd)
		return false
	}
	port.loops = append(port.loops, l)
	return true
}

// leavePort has the loop accept from a port no more.
func (l *loop) leavePort(port *loopPort) {
	port.mu.Lock()
	defer port.mu.Unlock()
	if i := slices.Index(port.loops, l); i >= 0 {
		port.loops = slices.Delete(port.loops, i, i+1)
		l.forgetPort(port.fd)
	}
}

// forgetPort makes the loop forget a descriptor that it accepts from.
func (l *loop) forgetPort(fd int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.ports, fd)
	if !l.closed {
		l.forgetFD(fd)
	}
}

// portOn returns the port that the loop accepts from by that descriptor, nil if there
// is none.
func (l *loop) portOn(fd int) *loopPort {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ports[fd]
}
