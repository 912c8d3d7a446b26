package sleep

import (
	"time"

	"golang.org/x/sys/unix"
)

// Briefly blocks for d, which is less than a millisecond, and some 50 µs more. Go's own timers
// take a millisecond where nothing else is to be done: that is the unit of epoll_wait(2).
func Briefly(d time.Duration) {
	left := unix.NsecToTimespec(d.Nanoseconds())
	for unix.Nanosleep(&left, &left) == unix.EINTR {
	}
}
