//go:build unix

package cli

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// awaitReaderGone calls gone once nobody reads the pipe or socket any more, unless end is
// called before. Of another file it does nothing.
func awaitReaderGone(file *os.File, gone func()) (end func()) {
	stat, err := file.Stat()
	if err != nil || stat.Mode()&(os.ModeNamedPipe|os.ModeSocket) == 0 {
		return func() {}
	}
	wake, over, err := os.Pipe()
	if err != nil {
		return func() {}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		watched := []unix.PollFd{{Fd: int32(file.Fd())}, {Fd: int32(wake.Fd())}}
		for {
			_, err := unix.Poll(watched, -1)
			switch {
			case errors.Is(err, unix.EINTR):
				continue
			case err == nil && watched[1].Revents == 0 && watched[0].Revents&(unix.POLLERR|unix.POLLHUP) != 0:
				gone()
			}
			return
		}
	}()
	return func() { _ = over.Close(); <-done; _ = wake.Close() }
}
