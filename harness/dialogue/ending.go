package dialogue

import (
	"errors"
	"io"
	"net"
	"syscall"

	"github.com/sockharness/harness/harness/event"
)

// Windows reports its own numbers (WSAECONNABORTED, WSAECONNRESET).
const (
	windowsAborted syscall.Errno = 10053
	windowsReset   syscall.Errno = 10054
)

// EndingOf returns how a stream ended by the error of a read or a write, or of a
// connect; Open if the error does not tell.
func EndingOf(err error) event.Ending { return endingOf(err) }

// endingOf says how a stream ended by the error of a read or a write.
func endingOf(err error) event.Ending {
	is := func(any ...error) bool {
		for _, e := range any {
			if errors.Is(err, e) {
				return true
			}
		}
		return false
	}
	var slow net.Error
	switch {
	case err == nil || is(net.ErrClosed):
		return event.Open
	case is(io.EOF):
		return event.EOF
	case is(syscall.ECONNRESET, syscall.ECONNABORTED, windowsReset, windowsAborted):
		return event.Reset
	case is(syscall.EPIPE):
		return event.BrokenPipe
	case is(syscall.ECONNREFUSED):
		return event.Refused
	case is(syscall.EHOSTUNREACH, syscall.ENETUNREACH):
		return event.Unreachable
	case errors.As(err, &slow) && slow.Timeout():
		return event.Timeout
	}
	return event.Open
}

// mergeEndings makes one ending of what the two sides of a socket saw. The kernel
// reports a socket error once, to whichever asks first; the other sees EOF or
// EPIPE. A FIN followed by a reset is EOF to reads forever, and EPIPE to writes.
func mergeEndings(read, write event.Ending) event.Ending {
	switch {
	case read == event.Reset || write == event.Reset:
		return event.Reset
	case write == event.BrokenPipe:
		return event.BrokenPipe
	case read != event.Open:
		return read
	}
	return write
}
