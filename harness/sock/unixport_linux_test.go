package sock_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// A connect that may block does so while the port hangs, and is served then.
func TestUnixHangHoldsABlockingConnect(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	p := bindUnix(t, path)
	if err := p.BlackHole(); err != nil {
		t.Fatal(err)
	}
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd)
	connected := make(chan error, 1)
	tid := make(chan int, 1)
	go func() {
		tid <- syscall.Gettid()
		connected <- syscall.Connect(fd, &syscall.SockaddrUnix{Name: path})
	}()
	awaitBlocked(t, <-tid)
	select {
	case err := <-connected:
		t.Fatalf("connect has returned: %v", err)
	default:
	}
	l := listenOn(t, p)
	if err := <-connected; err != nil {
		t.Fatal(err)
	}
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
}

// awaitBlocked waits until the thread waits in unix_stream_connect.
func awaitBlocked(t *testing.T, tid int) {
	t.Helper()
	path := filepath.Join("/proc/self/task", strconv.Itoa(tid), "syscall")
	until(t, func() bool {
		text, err := os.ReadFile(path)
		return err == nil && strings.HasPrefix(string(text), strconv.Itoa(int(syscall.SYS_CONNECT))+" ")
	})
}
