package sock

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

func awaitReset(ctx context.Context, c Conn) error {
	defer wakeAtEnd(ctx, c)()
	err := watchReset(c)
	if errors.Is(err, os.ErrDeadlineExceeded) && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

func watchReset(c Conn) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return fmt.Errorf("reset wait: %w", err)
	}
	var ended error
	// The poller calls back at every edge, so also when a reset follows the FIN.
	err = raw.Read(func(fd uintptr) (done bool) {
		done, ended = endOf(int(fd))
		return done
	})
	if err != nil {
		return fmt.Errorf("reset wait: %w", err)
	}
	return ended
}

// wakeAtEnd makes reads on c fail once ctx ends. The function that it returns
// takes that back.
func wakeAtEnd(ctx context.Context, c Conn) (undo func()) {
	woken := make(chan struct{})
	_ = c.SetReadDeadline(time.Time{})
	stop := context.AfterFunc(ctx, func() {
		defer close(woken)
		_ = c.SetReadDeadline(time.Unix(1, 0))
	})
	return func() {
		if !stop() {
			<-woken
			_ = c.SetReadDeadline(time.Time{})
		}
	}
}

// endOf reports whether the connection is over, with nil for a reset and io.EOF
// for an end in order. Poll tells that an error is pending without taking it.
func endOf(fd int) (over bool, err error) {
	fds := []unix.PollFd{{Fd: int32(fd)}}
	for {
		if _, err := unix.Poll(fds, 0); err == nil {
			break
		} else if err != unix.EINTR {
			return true, wrapErrno("poll", err)
		}
	}
	switch events := fds[0].Revents; {
	case events&unix.POLLERR != 0:
		return true, nil
	case events&unix.POLLHUP == 0:
		return false, nil
	}
	// Of TCP, a hang-up says that both sides have sent a FIN; a reset may still
	// answer what is not acknowledged.
	info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
	if err == nil && State(info.State) != Close {
		return false, nil
	}
	return true, io.EOF
}
