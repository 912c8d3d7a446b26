package sock

import (
	"errors"
	"fmt"
	"net"
	"time"

	"golang.org/x/sys/unix"
)

const (
	hangTries  = 16
	fillerWait = 5 * time.Second // loopback answers at once; this is for a host out of order
)

var errQueueTaken = errors.New("another client was faster")

// blackHole makes the accept queue as short as it can be, one connection, and fills it.
func (b *binding) blackHole() error {
	failed := errQueueTaken
	for try := 0; try < hangTries && errors.Is(failed, errQueueTaken); try++ {
		if err := b.refuseConnects(); err != nil {
			return err
		}
		if err := b.startBacklog(0); err != nil {
			return err
		}
		if failed = b.fillQueue(); failed == nil {
			return nil
		}
	}
	return errors.Join(fmt.Errorf("accept queue fill: %w", failed), b.refuseConnects())
}

// fillQueue connects to ourselves and returns when that connection is in the queue.
func (b *binding) fillQueue() error {
	family, sa := toSockaddr(loopbackOf(b.addr))
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.IPPROTO_TCP)
	if err != nil {
		return wrapErrno("socket", err)
	}
	b.filler = fd
	if err := unix.Connect(fd, sa); err != nil && err != unix.EINPROGRESS {
		return wrapErrno("connect", err)
	}
	for end := time.Now().Add(fillerWait); time.Now().Before(end); {
		if done, err := b.isFilled(); done || err != nil {
			return err
		}
		_, _ = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}, 1)
	}
	return unix.ETIMEDOUT
}

// isFilled reports whether the queue is full, and fails when it is not the filler
// that fills it. The queue is read first: the filler is established before it
// can be in there.
func (b *binding) isFilled() (bool, error) {
	queue, err := unix.GetsockoptTCPInfo(b.fd, unix.IPPROTO_TCP, unix.TCP_INFO)
	if err != nil {
		return false, wrapErrno("TCP_INFO", err)
	}
	filler, err := unix.GetsockoptTCPInfo(b.filler, unix.IPPROTO_TCP, unix.TCP_INFO)
	if err != nil {
		return false, wrapErrno("TCP_INFO", err)
	}
	// Of a listening socket, these two are the queue's length and its limit.
	if queue.Unacked <= queue.Sacked {
		return false, nil
	}
	if State(filler.State) != Established {
		return false, errQueueTaken
	}
	return true, nil
}

// loopbackOf returns an address that leads to a socket bound to at.
func loopbackOf(at *net.TCPAddr) *net.TCPAddr {
	if at.IP != nil && !at.IP.IsUnspecified() {
		return at
	}
	return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: at.Port}
}

// removeFiller takes the filler out of the accept queue, of which it is the head.
func (b *binding) removeFiller() error {
	if b.filler < 0 {
		return nil
	}
	defer b.dropFiller()
	fd, _, err := unix.Accept4(b.fd, unix.SOCK_CLOEXEC)
	if err != nil {
		return wrapErrno("accept", err)
	}
	return unix.Close(fd)
}

// dropFiller leaves nothing in TIME_WAIT.
func (b *binding) dropFiller() {
	if b.filler < 0 {
		return
	}
	_ = unix.SetsockoptLinger(b.filler, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	_ = unix.Close(b.filler)
	b.filler = -1
}
