package sock

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/sleep"
)

func leaveSendRoom(ctx context.Context, pid, fd, room int) (int, error) {
	own, err := duplicateFD(pid, fd)
	if err != nil {
		return 0, err
	}
	defer unix.Close(own)
	filled, err := fillSendBuffer(ctx, own)
	if err != nil {
		return filled, err
	}
	// One segment more tells how long a segment is, and the next one is that less the room:
	// what fits into the last segment is taken whatever the buffer's size is, and a new one
	// is not.
	segment, err := sendSegment(own, 1<<20)
	if err != nil {
		return filled, err
	}
	filled += segment
	if room >= segment {
		return filled, fmt.Errorf("room for %s in a segment of %d: %w", plural.Count(room, "byte"), segment, ErrUnsupported)
	}
	n, err := sendSegment(own, segment-room)
	return filled + n, err
}

// fillInterval is how often the buffer is filled again while the peer's kernel takes bytes.
const fillInterval = time.Millisecond

// fillSendBuffer writes until the buffer of least size is full and nothing of it is under
// way: what is acknowledged later would make room.
func fillSendBuffer(ctx context.Context, fd int) (filled int, err error) {
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, 1); err != nil {
		return 0, wrapErrno("SO_SNDBUF", err)
	}
	for {
		for n := 1; n > 0; filled += n {
			if n, err = sendFiller(fd, 1<<16); err != nil {
				return filled, err
			}
		}
		queued, err := unix.IoctlGetInt(fd, unix.SIOCOUTQ)
		if err != nil {
			return filled, wrapErrno("SIOCOUTQ", err)
		}
		unsent, err := unix.IoctlGetInt(fd, unix.SIOCOUTQNSD)
		if err != nil {
			return filled, wrapErrno("SIOCOUTQNSD", err)
		}
		if queued == unsent {
			return filled, nil
		}
		if !sleep.For(ctx, fillInterval) {
			return filled, context.Cause(ctx)
		}
	}
}

// sendSegment sends up to n bytes of one more segment than the buffer held.
func sendSegment(fd, n int) (sent int, err error) {
	memory, err := queuedMemory(fd)
	if err != nil {
		return 0, err
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, memory/2+1); err != nil { // the kernel doubles it
		return 0, wrapErrno("SO_SNDBUF", err)
	}
	sent, err = sendFiller(fd, n)
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, 1); err != nil {
		return sent, wrapErrno("SO_SNDBUF", err)
	}
	if err == nil && sent == 0 {
		err = fmt.Errorf("send buffer of %s: %w", plural.Count(memory, "byte"), ErrUnsupported)
	}
	return sent, err
}

// sendFiller sends up to n bytes and returns how many the kernel took; none is no error.
func sendFiller(fd, n int) (int, error) {
	sent, err := unix.SendmsgN(fd, bytes.Repeat([]byte{Filler}, n), nil, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
	if errors.Is(err, unix.EAGAIN) {
		return 0, nil
	}
	return max(sent, 0), wrapErrno("send", err)
}

// memWriteQueued is the place of SK_MEMINFO_WMEM_QUEUED among what SO_MEMINFO (Linux 4.12)
// tells.
const memWriteQueued = 5

// queuedMemory returns what the send queue takes of memory, which is what SO_SNDBUF limits.
func queuedMemory(fd int) (int, error) {
	var values [memWriteQueued + 1]uint32
	size := uint32(unsafe.Sizeof(values))
	err := errnoOf(unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_MEMINFO, uintptr(unsafe.Pointer(&values)), uintptr(unsafe.Pointer(&size)), 0))
	return int(values[memWriteQueued]), wrapErrno("SO_MEMINFO", err)
}

func sendQueueOf(pid, fd int) (queued int, blocks bool, err error) {
	own, err := duplicateFD(pid, fd)
	if err != nil {
		return 0, false, err
	}
	defer unix.Close(own)
	flags, err := unix.FcntlInt(uintptr(own), unix.F_GETFL, 0)
	if err == nil {
		queued, err = unix.IoctlGetInt(own, unix.SIOCOUTQ)
	}
	return queued, flags&unix.O_NONBLOCK == 0, wrapErrno("send queue", err)
}
