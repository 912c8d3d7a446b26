package proxy

import (
	"os"

	"golang.org/x/sys/unix"
)

// wait returns how many events have come. It holds a thread for it, as long as there
// are enough of them and no goroutine was started that wants to run there.
func (l *loop) wait(events []unix.EpollEvent) (n int) {
	if l.gave {
		l.gave = false
		return l.park(events)
	}
	l.unpark()
	n, err := unix.EpollWait(l.epoll, events, max(loopStay, l.soon()))
	if n == 0 && err == nil && !l.helps() {
		return l.park(events)
	}
	return n
}

// park waits without a thread.
func (l *loop) park(events []unix.EpollEvent) (n int) {
	if l.parked == nil {
		dup, err := unix.FcntlInt(uintptr(l.epoll), unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			return 0
		}
		_ = unix.SetNonblock(dup, true)
		l.parked = os.NewFile(uintptr(dup), "epoll")
	}
	raw, err := l.parked.SyscallConn()
	if err != nil {
		return 0
	}
	_ = raw.Read(func(fd uintptr) bool {
		n, err = unix.EpollWait(int(fd), events, 0)
		return n > 0 || err != nil && err != unix.EINTR
	})
	return n
}

// unpark takes the events away from the runtime, which would be woken by every one.
func (l *loop) unpark() {
	if l.parked != nil {
		_ = l.parked.Close()
		l.parked = nil
	}
}
