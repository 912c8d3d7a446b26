package sock_test

import (
	"net"
	"testing"

	"golang.org/x/sys/unix"
)

// receiveBuffer returns the size of c's buffer, and whether that is fixed.
func receiveBuffer(t *testing.T, c *net.TCPConn) (size int, locked bool) {
	t.Helper()
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		size, failed = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF)
		locks, _ := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_BUF_LOCK)
		locked = locks&2 != 0
	})
	if err != nil || failed != nil {
		t.Fatal(err, failed)
	}
	return size, locked
}
