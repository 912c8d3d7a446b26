package probe

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/sockharness/harness/harness/sock"
)

// diagnose picks the wait of each process that tells most.
func (x *examination) diagnose() Diagnosis {
	type ranked struct {
		wait Wait
		rank int
	}
	var best []ranked
	for _, pid := range x.tree.pids {
		top := ranked{rank: -1}
		for _, h := range x.tree.threads[pid] {
			if w, rank := x.wait(h); rank > top.rank {
				top = ranked{w, rank}
			}
		}
		top.wait.Program, top.wait.Threads = program(pid), len(x.tree.threads[pid])
		best = append(best, top)
	}
	slices.SortStableFunc(best, func(a, b ranked) int { return cmp.Compare(b.rank, a.rank) })
	var d Diagnosis
	for _, b := range best {
		d.Waits = append(d.Waits, b.wait)
	}
	return d
}

// wait describes what a thread waits for, and ranks how much that tells.
func (x *examination) wait(h thread) (w Wait, rank int) {
	c, _ := callOf(h.number)
	w = Wait{Pid: h.pid, TID: h.tid, Call: c.name, Descriptor: -1}
	switch c.waits {
	case input, output:
		w.Descriptor, w.sends = int(h.args[0]), c.waits == output
		return w, x.single(&w)
	case readySet:
		w.Descriptor = int(h.args[0])
		return w, x.set(&w, x.files[h.pid][w.Descriptor].watched())
	case pollSet:
		return w, x.set(&w, h.polled())
	case child:
		w.On = "for a child process"
		return w, 1
	case signal:
		w.On = "for a signal"
		return w, 1
	case lock:
		w.On = "for another thread"
	}
	return w, 0
}

// single describes the one descriptor that a call waits on.
func (x *examination) single(w *Wait) (rank int) {
	d := x.files[w.Pid][w.Descriptor]
	w.On = x.what(d)
	inode, ok := d.socket()
	if !ok {
		return 3
	}
	c, ok := x.all[inode]
	if !ok || c.state == sock.Listen {
		return 4
	}
	w.connected, w.Unread, w.Unsent = true, c.unread, c.unsent
	return 5
}

// set describes the descriptors that a call waits on together: the sockets,
// when there are any.
func (x *examination) set(w *Wait, fds []int) (rank int) {
	var sockets, others []string
	for _, fd := range fds {
		d := x.files[w.Pid][fd]
		inode, isSocket := d.socket()
		if !isSocket {
			others = append(others, x.what(d))
			continue
		}
		text := x.what(d)
		if c, ok := x.all[inode]; ok && c.state != sock.Listen && c.unread > 0 {
			text += fmt.Sprintf(" (%s unread)", count(c.unread, "byte"))
		}
		sockets = append(sockets, text)
	}
	rank, named := 4, sockets
	if len(sockets) == 0 {
		rank, named = 2, others
	}
	if len(named) == 0 {
		return rank
	}
	w.On = "for " + list(named)
	return rank
}

// what names an open file.
func (x *examination) what(d descriptor) string {
	if inode, ok := d.socket(); ok {
		if c, ok := x.all[inode]; ok {
			return c.describe(x.ports)
		}
		return d.otherSocket()
	}
	switch {
	case d.target == "":
		return "a descriptor that is not open"
	case strings.HasPrefix(d.target, "pipe:"):
		return "a pipe"
	case d.kind() != "":
		return "an " + d.kind()
	}
	return d.target
}

// describe names the connection; ports are those on which its owner listens.
func (c connection) describe(ports map[uint16]bool) string {
	switch {
	case c.state == sock.Listen:
		return "the listener " + c.local.String()
	case !c.remote.IsValid() || c.remote.Port() == 0:
		return "a TCP socket that is not connected"
	case ports[c.local.Port()]:
		return "the connection from " + c.remote.String()
	}
	return "the connection to " + c.remote.String()
}

// otherSocket names a socket that is not one of TCP.
func (d descriptor) otherSocket() string {
	text := "a socket"
	_ = d.borrow(func(fd int) error {
		domain, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
		if err != nil {
			return err
		}
		switch domain {
		case unix.AF_UNIX:
			text = "a unix socket"
			a, _ := unix.Getsockname(fd)
			if a, ok := a.(*unix.SockaddrUnix); ok && len(a.Name) > 1 {
				text += " " + a.Name
			}
		case unix.AF_INET, unix.AF_INET6:
			text = "a socket of another protocol than TCP"
			if kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE); err == nil && kind == unix.SOCK_DGRAM {
				text = "a UDP socket"
			}
		case unix.AF_NETLINK:
			text = "a netlink socket"
		}
		return nil
	})
	return text
}

// polled returns the descriptors in the array of poll(2).
func (h thread) polled() []int {
	n := min(h.args[1], 1024)
	if n == 0 {
		return nil
	}
	array := make([]byte, 8*n)
	if !h.memory(h.args[0], array) {
		return nil
	}
	var fds []int
	for i := range int(n) {
		if fd := int32(binary.NativeEndian.Uint32(array[8*i:])); fd >= 0 {
			fds = append(fds, int(fd))
		}
	}
	return fds
}
