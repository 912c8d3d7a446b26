package proxy

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/sockharness/harness/harness/sock"
)

// A parkedEpoll is the descriptor of a loop's events that the runtime waits on.
type parkedEpoll struct {
	file *os.File
	raw  syscall.RawConn // of the file
}

// waitEvents returns how many events have come. It holds a thread for it, as long as there
// are enough of them and no goroutine was started that wants to run there. Where the process uses
// one processor, the goroutines would get it back only when the runtime's monitor has looked.
func (l *loop) waitEvents(events []unix.EpollEvent) (n int) {
	if l.handedOff || l.oneProcessor {
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
	if l.parked.file == nil && !l.park() {
		return 0
	}
	_ = l.parked.raw.Read(func(fd uintptr) bool {
		var err error
		n, err = sock.EpollNoWait(int(fd), events)
		return n > 0 || err != nil && err != unix.EINTR
	})
	return n
}

// park gives the events to the runtime. It returns false where that cannot be.
func (l *loop) park() bool {
	dup, err := unix.FcntlInt(uintptr(l.epoll), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return false
	}
	_ = unix.SetNonblock(dup, true)
	l.parked.file = os.NewFile(uintptr(dup), "epoll")
	l.parked.raw, err = l.parked.file.SyscallConn()
	return err == nil
}

// unparkEvents takes the events away from the runtime, which would be woken by every one.
func (l *loop) unparkEvents() {
	if l.parked.file != nil {
		_ = l.parked.file.Close()
		l.parked = parkedEpoll{}
	}
}
