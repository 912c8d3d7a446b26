package main

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"
)

// What is compared are proxies: the client and the server of the short connections
// cost as little as they can, one system call for each thing that is done.

// converser returns what has one short connection to addr: a byte there and back,
// then the client closes.
func converser(_ context.Context, addr string) (func() error, error) {
	at, err := netip.ParseAddrPort(addr)
	if err != nil {
		return nil, err
	}
	to := &unix.SockaddrInet4{Addr: at.Addr().As4(), Port: int(at.Port())}
	patience := &unix.Timeval{Sec: 60}
	return func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		_ = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, patience)
		if err := unix.Connect(fd, to); err != nil {
			return fmt.Errorf("connect: %w", err)
		}
		if _, err := unix.Write(fd, []byte("ex")); err != nil {
			return fmt.Errorf("write: %w", err)
		}
		for {
			switch n, err := unix.Read(fd, make([]byte, 1)); {
			case n == 1:
				return nil
			case err != unix.EINTR:
				return fmt.Errorf("read of %d bytes: %w", n, err)
			}
		}
	}, nil
}

// accept serves those who want an echo, all in one thread, and has answer serve the
// others.
func accept(ctx context.Context, listener *net.TCPListener, answer func(conn net.Conn, mode byte)) error {
	file, err := listener.File()
	if err != nil {
		return err
	}
	defer file.Close()
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return err
	}
	defer unix.Close(epoll)
	e := &echoes{port: int(file.Fd()), epoll: epoll, answer: answer}
	if err := e.watch(e.port); err != nil {
		return err
	}
	events := make([]unix.EpollEvent, 64)
	for ctx.Err() == nil {
		n, err := unix.EpollWait(epoll, events, 100)
		if err != nil && err != unix.EINTR {
			return err
		}
		for _, event := range events[:max(n, 0)] {
			e.serve(int(event.Fd))
		}
	}
	return nil
}

// echoes are the connections that are answered byte for byte.
type echoes struct {
	port, epoll int
	known       []bool // by descriptor: it was asked for an echo
	buffer      [4 << 10]byte
	answer      func(net.Conn, byte)
}

func (e *echoes) watch(fd int) error {
	return unix.EpollCtl(e.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)})
}

func (e *echoes) serve(fd int) {
	if fd == e.port {
		fd, _, err := unix.Accept4(e.port, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		if err != nil {
			return
		}
		for fd >= len(e.known) {
			e.known = append(e.known, false)
		}
		e.known[fd] = false
		_ = e.watch(fd)
		return
	}
	if !e.known[fd] {
		e.begin(fd)
		return
	}
	n, err := unix.Read(fd, e.buffer[:])
	if err == unix.EAGAIN {
		return
	}
	if n > 0 {
		n, err = unix.Write(fd, e.buffer[:n])
	}
	if n <= 0 || err != nil {
		_ = unix.Close(fd)
	}
}

// begin reads what a connection is for.
func (e *echoes) begin(fd int) {
	n, err := unix.Read(fd, e.buffer[:1])
	switch {
	case err == unix.EAGAIN:
	case n <= 0:
		_ = unix.Close(fd)
	case e.buffer[0] == 'e':
		e.known[fd] = true
	default:
		_ = unix.EpollCtl(e.epoll, unix.EPOLL_CTL_DEL, fd, &unix.EpollEvent{})
		file := os.NewFile(uintptr(fd), "connection")
		defer file.Close()
		if conn, err := net.FileConn(file); err == nil {
			go e.answer(conn, e.buffer[0])
		}
	}
}
