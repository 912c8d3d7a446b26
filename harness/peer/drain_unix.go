//go:build unix

package peer

import (
	"os"
	"syscall"
)

// readNow reads what the pipe holds; it returns 0 at its end and when it is empty.
func readNow(pipe *os.File, buf []byte) (n int) {
	raw, err := pipe.SyscallConn()
	if err != nil {
		return 0
	}
	raw.Read(func(fd uintptr) bool {
		n, err = syscall.Read(int(fd), buf)
		for err == syscall.EINTR {
			n, err = syscall.Read(int(fd), buf)
		}
		return true
	})
	return max(n, 0)
}
