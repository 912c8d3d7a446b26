package probe

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// signals are the masks of /proc/PID/status; bit n-1 is signal n.
type signals struct{ caught, blocked uint64 }

func signalsOf(pid int) signals {
	status, _ := readFile(procPath(pid, "status"))
	mask := func(name string) uint64 {
		n, _ := strconv.ParseUint(fieldValue(status, name), 16, 64)
		return n
	}
	return signals{caught: mask("SigCgt"), blocked: mask("SigBlk")}
}

// goRuntime reports whether it is a Go program: one that catches all the
// real-time signals that the C library leaves to programs.
func (s signals) goRuntime() bool { return s.caught>>34 == 1<<30-1 }

const alarmBit = 1 << (unix.SIGALRM - 1)

// mayAlarm reports whether the program is prepared for SIGALRM: whether
// setitimer(2) has armed it, nobody says.
func (s signals) mayAlarm() bool {
	return !s.goRuntime() && (s.caught|s.blocked)&alarmBit != 0
}

// awaitsAlarm reports whether the thread sits in sigwait(3) for SIGALRM, which
// is not blocked as long as it does.
func (h thread) awaitsAlarm() bool {
	var set [8]byte
	return h.number == unix.SYS_RT_SIGTIMEDWAIT &&
		(!h.readMemory(h.args[0], set[:]) || binary.NativeEndian.Uint64(set[:])&alarmBit != 0)
}

// armedTimer says which timer of the process may be armed, or "".
func armedTimer(pid int) string {
	if signalsOf(pid).mayAlarm() {
		return "handles SIGALRM"
	}
	if text, err := readFile(procPath(pid, "timers")); err == nil && text != "" {
		return "has a POSIX timer"
	}
	return ""
}

// timerReason says whether the descriptor will become ready by itself, or "".
func (d descriptor) timerReason() string {
	switch d.anonKind() {
	case "timerfd":
		if text, err := d.fdInfo(); err != nil || fieldValue(text, "it_value") != "(0, 0)" {
			return fmt.Sprintf("has a timer armed on descriptor %d", d.fd)
		}
	case "io_uring":
		text, err := d.fdInfo()
		if err != nil || fieldValue(text, "CachedSqHead") != fieldValue(text, "CachedCqTail") {
			return fmt.Sprintf("has io_uring requests in progress on descriptor %d", d.fd)
		}
	}
	return ""
}

// socketTimeout says that a call on a socket ends by a timeout of that socket, or "".
func (d descriptor) socketTimeout(output bool) (string, error) {
	option, name := unix.SO_RCVTIMEO, "SO_RCVTIMEO"
	if output {
		option, name = unix.SO_SNDTIMEO, "SO_SNDTIMEO"
	}
	var limit unix.Timeval
	err := d.withDuplicate(func(fd int) error {
		t, err := unix.GetsockoptTimeval(fd, unix.SOL_SOCKET, option)
		if err == nil {
			limit = *t
		}
		return err
	})
	if ProcessGone(err) || errors.Is(err, unix.EBADF) {
		return moved, nil
	}
	if err != nil {
		return "", accessError("pidfd_getfd", err)
	}
	if limit != (unix.Timeval{}) {
		return fmt.Sprintf("has %s on descriptor %d", name, d.fd), nil
	}
	return "", nil
}

// otherInstructionSet reports whether the program is for another instruction set than this
// one: its system calls have other numbers.
func otherInstructionSet(pid int) bool {
	fd, err := unix.Open(procPath(pid, "exe"), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return true
	}
	defer unix.Close(fd)
	var head [20]byte
	n, err := unix.Pread(fd, head[:], 0)
	return err != nil || n < len(head) || !strings.HasPrefix(string(head[:]), "\x7fELF\x02") ||
		int(head[18])|int(head[19])<<8 != machine
}
