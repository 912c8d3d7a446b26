//go:build unix

package peer

import (
	"os"
	"syscall"

	"github.com/sockharness/harness/harness/eintr"
)

// readNow reads what the pipe holds; it returns 0 at its end and when it is empty.
func readNow(pipe *os.File, buf []byte) (n int) {
	raw, err := pipe.SyscallConn()
	if err != nil {
		return 0
	}
	raw.Read(func(fd uintptr) bool {
		n, err = eintr.Retry(func() (int, error) { return syscall.Read(int(fd), buf) })
		return true
	})
	return max(n, 0)
}
