//go:build unix

package sock

import (
	"syscall"

	"golang.org/x/sys/unix"
)

func isReadable(c syscall.Conn) (ready bool, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return false, err
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		var n int
		if n, failed = unix.Poll(fds, 0); failed == nil {
			ready = n > 0
		}
	})
	if err == nil {
		err = failed
	}
	return ready, err
}
