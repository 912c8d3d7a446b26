package probe

import (
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// A descriptor is an open file of a process; target is what readlink says of
// it: "socket:[123]", "pipe:[5]", "anon_inode:[eventpoll]", a path.
type descriptor struct {
	pid, fd int
	target  string
}

// descriptorsOf returns what a process has open, in order. Of a process that
// has ended this is nothing.
func descriptorsOf(pid int) ([]descriptor, error) {
	dir := procPath(pid, "fd")
	fds, err := numericNames(dir)
	if err != nil {
		return nil, accessError("descriptors", err)
	}
	slices.Sort(fds)
	all := make([]descriptor, 0, len(fds))
	for _, fd := range fds {
		if target, err := readLink(dir + "/" + strconv.Itoa(fd)); err == nil {
			all = append(all, descriptor{pid: pid, fd: fd, target: target})
		}
	}
	return all, nil
}

// socketInode returns the inode when the descriptor is a socket.
func (d descriptor) socketInode() (inode uint32, ok bool) {
	text, ok := strings.CutPrefix(d.target, "socket:[")
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseUint(strings.TrimSuffix(text, "]"), 10, 32)
	return uint32(n), err == nil
}

// anonKind returns the word in brackets of an anonymous inode: "eventpoll".
func (d descriptor) anonKind() string {
	text, ok := strings.CutPrefix(d.target, "anon_inode:")
	if !ok {
		return ""
	}
	return strings.Trim(text, "[]")
}

// fdInfo returns /proc/PID/fdinfo/FD.
func (d descriptor) fdInfo() (string, error) {
	return readFile(procPath(d.pid, "fdinfo/"+strconv.Itoa(d.fd)))
}

// watchedFDs returns the descriptors that an epoll descriptor watches.
func (d descriptor) watchedFDs() []int {
	text, _ := d.fdInfo()
	var fds []int
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, "tfd:"); ok {
			if fd, err := strconv.Atoi(strings.Fields(rest)[0]); err == nil {
				fds = append(fds, fd)
			}
		}
	}
	slices.Sort(fds)
	return slices.Compact(fds)
}

// withDuplicate calls f with a duplicate of the descriptor. While it is kept, the FIN
// of a close by the process is held back: f must be quick.
func (d descriptor) withDuplicate(f func(fd int) error) error {
	process, err := unix.PidfdOpen(d.pid, 0)
	if err != nil {
		return err
	}
	defer unix.Close(process)
	own, err := unix.PidfdGetfd(process, d.fd, 0)
	if err != nil {
		return err
	}
	defer unix.Close(own)
	return f(own)
}
