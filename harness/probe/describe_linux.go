package probe

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/sock"
)

// pickWaits picks the wait of each process that tells most.
func (x *examination) pickWaits() Diagnosis {
	type ranked struct {
		wait Wait
		rank int
	}
	var best []ranked
	for _, pid := range x.tree.pids {
		top := ranked{rank: -1}
		for _, h := range x.tree.threads[pid] {
			if w, rank := x.describeWait(h); rank > top.rank {
				top = ranked{w, rank}
			}
		}
		if isOurs(pid) {
			top.rank = -1
		}
		top.wait.Program, top.wait.Threads = programName(pid), len(x.tree.threads[pid])
		best = append(best, top)
	}
	slices.SortStableFunc(best, func(a, b ranked) int { return cmp.Compare(b.rank, a.rank) })
	var d Diagnosis
	for _, b := range best {
		d.Waits = append(d.Waits, b.wait)
	}
	return d
}

// describeWait describes what a thread waits for, and ranks how much that tells.
func (x *examination) describeWait(h thread) (w Wait, rank int) {
	c, _ := callOf(h.number)
	w = Wait{Pid: h.pid, TID: h.tid, Call: c.name, Descriptor: -1}
	switch c.waits {
	case input, output:
		w.Descriptor, w.sends = int(h.args[0]), c.waits == output
		return w, x.describeSingle(&w)
	case readySet:
		w.Descriptor = int(h.args[0])
		return w, x.describeSet(&w, x.files[h.pid][w.Descriptor].watchedFDs())
	case pollSet:
		return w, x.describeSet(&w, h.polledFDs())
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

// describeSingle describes the one descriptor that a call waits on.
func (x *examination) describeSingle(w *Wait) (rank int) {
	d := x.files[w.Pid][w.Descriptor]
	if d.isPipe() {
		return x.describePipe(w, d)
	}
	w.On = x.describeFile(d)
	inode, ok := d.socketInode()
	if !ok {
		return 3
	}
	if s, ok := x.unix[inode]; ok && s.State == sock.Established {
		w.connected, w.Unread, w.Unsent = true, int(s.Unread), int(s.Unsent)
		return 5
	}
	c, ok := x.all[inode]
	if !ok || c.state == sock.Listen {
		return 4
	}
	w.connected, w.Unread, w.Unsent = true, c.unread, c.unsent
	return 5
}

// describeSet describes the descriptors that a call waits on together: the sockets,
// when there are any.
func (x *examination) describeSet(w *Wait, fds []int) (rank int) {
	var sockets, others []string
	for _, fd := range fds {
		d := x.files[w.Pid][fd]
		inode, isSocket := d.socketInode()
		if !isSocket {
			others = append(others, x.describeFile(d))
			continue
		}
		text := x.describeFile(d)
		if c, ok := x.all[inode]; ok && c.state != sock.Listen && c.unread > 0 {
			text += fmt.Sprintf(" (%s unread)", plural.Count(c.unread, "byte"))
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
	w.On = "for " + joinNames(named)
	return rank
}

// describeFile names an open file.
func (x *examination) describeFile(d descriptor) string {
	if inode, ok := d.socketInode(); ok {
		if c, ok := x.all[inode]; ok {
			return c.describeConnection(x.ports)
		}
		if s, ok := x.unix[inode]; ok {
			return describeUnix(s, d.fd)
		}
		return d.otherSocket()
	}
	switch {
	case d.target == "":
		return "a descriptor that is not open"
	case d.isPipe():
		return d.pipeName()
	case d.anonKind() != "":
		return "an " + d.anonKind()
	}
	return d.target
}

// describeConnection names the connection; ports are those on which its owner listens.
func (c connection) describeConnection(ports map[uint16]bool) string {
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
	_ = d.withDuplicate(func(fd int) error {
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
			text = "a socket that is not TCP"
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

// polledFDs returns the descriptors in the array of poll(2).
func (h thread) polledFDs() []int {
	n := min(h.args[1], 1024)
	if n == 0 {
		return nil
	}
	array := make([]byte, 8*n)
	if !h.readMemory(h.args[0], array) {
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
