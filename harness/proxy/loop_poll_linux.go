package proxy

import (
	"os"

	"golang.org/x/sys/unix"
)

// waitEvents returns how many events have come. It holds a thread for it, as long as there
// are enough of them and no goroutine was started that wants to run there.
func (l *loop) waitEvents(events []unix.EpollEvent) (n int) {
	if l.handedOff {
		l.handedOff = false
		return l.parkEvents(events)
	}
	l.unparkEvents()
	n, err := unix.EpollWait(l.epoll, events, max(loopStay, l.nextTimeout()))
	if n == 0 && err == nil && !l.keepsHelping() {
		return l.parkEvents(events)
	}
	return n
}

// parkEvents waits without a thread.
func (l *loop) parkEvents(events []unix.EpollEvent) (n int) {
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

// unparkEvents takes the events away from the runtime, which would be woken by every one.
func (l *loop) unparkEvents() {
	if l.parked != nil {
		_ = l.parked.Close()
		l.parked = nil
	}
}
