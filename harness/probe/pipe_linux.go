package probe

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/sockharness/harness/harness/plural"
)

// isPipe reports whether the descriptor is one end of a pipe.
func (d descriptor) isPipe() bool { return strings.HasPrefix(d.target, "pipe:") }

// pipeName names a pipe by what its process takes it for.
func (d descriptor) pipeName() string {
	switch d.fd {
	case 0:
		return "standard input, a pipe"
	case 1:
		return "standard output, a pipe"
	case 2:
		return "standard error, a pipe"
	}
	return "a pipe"
}

// pipeUnread returns how many bytes lie in the pipe, 0 where that is not known.
func (d descriptor) pipeUnread() (n int) {
	_ = d.withDuplicate(func(fd int) (err error) {
		n, err = unix.IoctlGetInt(fd, unix.TIOCINQ)
		return err
	})
	return n
}

// canWrite reports whether the descriptor can write.
func (d descriptor) canWrite() bool {
	text, err := d.fdInfo()
	flags, wrong := strconv.ParseUint(fieldValue(text, "flags"), 8, 32)
	return err == nil && wrong == nil && flags&unix.O_ACCMODE != unix.O_RDONLY
}

// pipeReason says that the thread reads a pipe in which there is something, or into which
// a process outside may write; "" where it does not.
func (x *examination) pipeReason(h thread) string {
	c, _ := callOf(h.number)
	d, known := x.files[h.pid][int(h.args[0])]
	if c.waits != input || !known || !d.isPipe() {
		return ""
	}
	if n := d.pipeUnread(); n > 0 {
		return fmt.Sprintf("%s (pid %d) is about to read %s from a pipe", programName(h.pid), h.pid, plural.Count(n, "byte"))
	}
	for _, open := range x.files {
		for _, other := range open {
			if other.target == d.target && other.canWrite() {
				return "" // the tree's own
			}
		}
	}
	if own, err := descriptorsOf(os.Getpid()); err == nil {
		for _, other := range own {
			if other.target == d.target {
				return "" // ours: the caller says whether we are about to write
			}
		}
	}
	return fmt.Sprintf("another process may write into the pipe that %s (pid %d) reads", programName(h.pid), h.pid)
}

// describePipe describes the pipe that a call waits on.
func (x *examination) describePipe(w *Wait, d descriptor) (rank int) {
	n := d.pipeUnread()
	w.On, w.connected = d.pipeName(), true
	if w.sends {
		w.Unsent = n
	} else {
		w.Unread = n
	}
	return 5
}

// isOurs reports whether a process runs the same file as this one: it passes bytes on for
// us, and what it waits for tells the least.
func isOurs(pid int) bool {
	self, err := readLink("/proc/self/exe")
	if err != nil {
		return false
	}
	exe, err := readLink(procPath(pid, "exe"))
	return err == nil && exe == self
}
