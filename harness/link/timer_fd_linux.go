package link

import (
	"time"

	"golang.org/x/sys/unix"
)

// NewTimer returns a timer of the kernel's, timerfd_create(2). The caller closes it.
func NewTimer() (fd int, err error) {
	return unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
}

// SetTimer has the timer expire at a time, or at once if that is over.
func SetTimer(fd int, at time.Time) {
	in := max(time.Until(at), 1) // 0 would disarm it
	_ = unix.TimerfdSettime(fd, 0, &unix.ItimerSpec{Value: unix.NsecToTimespec(in.Nanoseconds())}, nil)
}
