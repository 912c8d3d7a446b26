package runner

import (
	"errors"
	"fmt"
	"syscall"
	"testing"
)

// Only as many variants run at a time as the server's accept queue has room for.
func TestWidthIsThatOfTheQueue(t *testing.T) {
	for backlog, want := range map[int]int{1: 1, 5: 3, 128: 8} {
		fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer syscall.Close(fd)
		if err := errors.Join(syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}), syscall.Listen(fd, backlog)); err != nil {
			t.Fatal(err)
		}
		at, err := syscall.Getsockname(fd)
		if err != nil {
			t.Fatal(err)
		}
		address := fmt.Sprintf("127.0.0.1:%d", at.(*syscall.SockaddrInet4).Port)
		if got := maxConcurrency(address, 8); got != want {
			t.Errorf("backlog %d: got %d at a time, want %d", backlog, got, want)
		}
	}
}
