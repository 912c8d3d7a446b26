package sock

import (
	"errors"

	"golang.org/x/sys/unix"

	"github.com/sockharness/harness/toxics/hook"
)

func setWindow(fd uintptr, w hook.SocketLimits) error {
	if w.ReceiveBuffer != 0 {
		if err := unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, w.ReceiveBuffer); err != nil {
			return wrapErrno("SO_RCVBUF", err)
		}
	}
	if w.SegmentSize != 0 {
		return wrapErrno("TCP_MAXSEG", unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_MAXSEG, w.SegmentSize))
	}
	return nil
}

// receiveBufferLock is SOCK_RCVBUF_LOCK: the size was set, and is not tuned.
const receiveBufferLock = 2

// unlockReceiveBuffer gives the buffer of a TCP socket back to the kernel, with
// the size that a new socket has: SO_BUF_LOCK of Linux 5.14.
func unlockReceiveBuffer(fd int) error {
	fresh, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, unix.IPPROTO_TCP)
	if err != nil {
		return wrapErrno("socket", err)
	}
	defer unix.Close(fresh)
	size, err := unix.GetsockoptInt(fresh, unix.SOL_SOCKET, unix.SO_RCVBUF)
	if err != nil {
		return wrapErrno("SO_RCVBUF", err)
	}
	locks, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_BUF_LOCK)
	if err != nil {
		return wrapErrno("SO_BUF_LOCK", err)
	}
	// The kernel doubles what it is told.
	err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, size/2)
	return errors.Join(wrapErrno("SO_RCVBUF", err),
		wrapErrno("SO_BUF_LOCK", unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_BUF_LOCK, locks&^receiveBufferLock)))
}
