package probe

import (
	"fmt"
	"net/netip"
	"os"

	"github.com/sockharness/harness/harness/sock"
)

// An examination is all that is known of a tree that seems to sleep.
type examination struct {
	tree    tree
	all     map[uint32]connection      // of the network namespace
	files   map[int]map[int]descriptor // by pid and number
	sockets map[uint32]bool            // inodes of the tree's sockets
	ports   map[uint16]bool            // on which the tree listens
	ours    map[uint32]bool            // inodes of our sockets; nil: not looked up
	deaf    bool                       // what lies unread in these stays there
}

// examine looks for anything besides the timeouts of calls that may wake the
// tree, and describes what it waits for when there is nothing. To the deaf, what
// lies unread with us is nothing.
func (t tree) examine(deaf bool) (d Diagnosis, because string, err error) {
	if machine == 0 {
		return d, "", fmt.Errorf("system calls of this architecture: %w", sock.ErrUnsupported)
	}
	x := examination{tree: t, deaf: deaf, files: map[int]map[int]descriptor{}, sockets: map[uint32]bool{}, ports: map[uint16]bool{}}
	for _, pid := range t.pids {
		if because, err = x.process(pid); because != "" || err != nil {
			return d, because, err
		}
	}
	if because, err = x.underWay(); because != "" || err != nil {
		return d, because, err
	}
	for _, pid := range t.pids {
		for _, h := range t.threads[pid] {
			if because, err = x.socketLimit(h); because != "" || err != nil {
				return d, because, err
			}
		}
	}
	return x.diagnose(), "", nil
}

// process reads what a process has open and looks for its timers.
func (x *examination) process(pid int) (because string, err error) {
	name := func() string { return fmt.Sprintf("%s (pid %d)", program(pid), pid) }
	for _, h := range x.tree.threads[pid] {
		if h.awaitsAlarm() {
			return name() + " is prepared for SIGALRM", nil
		}
		if state := h.state(); state != 'S' {
			return fmt.Sprintf("%s is in state %c", name(), max(state, '?')), nil
		}
	}
	if foreign(pid) {
		return name() + " is a program for another kind of processor", nil
	}
	if because := timers(pid); because != "" {
		return name() + " " + because, nil
	}
	open, err := descriptorsOf(pid)
	if err != nil {
		return "", err
	}
	x.files[pid] = map[int]descriptor{}
	for _, d := range open {
		if because := d.timer(); because != "" {
			return name() + " " + because, nil
		}
		x.files[pid][d.fd] = d
		if inode, ok := d.socket(); ok {
			x.sockets[inode] = true
		}
	}
	return "", nil
}

// underWay says what may reach the tree through TCP, or "". A queue of bytes
// that the receiver has closed its window to moves only when somebody reads.
func (x *examination) underWay() (because string, err error) {
	if x.all, err = connections(false); err != nil {
		return "", refused("connections", err)
	}
	because, doubt := x.approaching()
	if !doubt {
		return because, nil
	}
	if x.all, err = connections(true); err != nil {
		return "", refused("connections", err)
	}
	because, _ = x.approaching()
	return because, nil
}

// approaching is underWay without details, which are needed when in doubt.
func (x *examination) approaching() (because string, doubt bool) {
	owners := map[[2]netip.AddrPort]connection{}
	for _, c := range x.all {
		owners[[2]netip.AddrPort{c.local, c.remote}] = c
	}
	for inode := range x.sockets {
		c, ok := x.all[inode]
		if ok && c.state == sock.Listen {
			x.ports[c.local.Port()] = true
		}
		if !ok || c.state == sock.Listen || c.state == sock.Close {
			continue
		}
		if c.state == sock.SynSent {
			return "a connection to " + c.remote.String() + " is being made", false
		}
		other, found := owners[[2]netip.AddrPort{c.remote, c.local}]
		if !found {
			because = c.alone()
		} else {
			because = x.between(c, other)
		}
		if because != "" {
			return because, c.unsent+other.unsent > 0
		}
	}
	return "", false
}

// alone says what may happen to a connection whose other end is not in this
// network namespace, or closed already.
func (c connection) alone() string {
	switch {
	case c.state != sock.CloseWait && !c.remote.Addr().IsLoopback() && c.remote.Addr() != c.local.Addr():
		return c.remote.String() + " may speak, which is not on this machine"
	case c.unsent > 0 && !c.probing:
		return fmt.Sprintf("%s are on the way from %v to %v", count(c.unsent, "byte"), c.local, c.remote)
	}
	return ""
}

// between says what is under way between the two ends of a connection, the first
// of which belongs to the tree.
func (x *examination) between(c, other connection) string {
	ends := []struct{ from, to connection }{{c, other}, {other, c}}
	for _, e := range ends {
		if !e.from.probing && !e.from.delivered(e.to) {
			return fmt.Sprintf("%s are on the way from %v to %v", count(e.from.unsent, "byte"), e.from.local, e.to.local)
		}
	}
	switch {
	case x.sockets[other.inode] || c.state == sock.CloseWait:
		return ""
	case !x.own()[other.inode]:
		return other.local.String() + " may speak, which belongs to a process that was not named"
	case other.unread > 0 && !x.deaf:
		return fmt.Sprintf("%s lie unread with us", count(other.unread, "byte"))
	}
	return ""
}

// own returns the inodes of the sockets of this process.
func (x *examination) own() map[uint32]bool {
	if x.ours == nil {
		x.ours = ownSockets()
	}
	return x.ours
}

func ownSockets() map[uint32]bool {
	inodes := map[uint32]bool{}
	open, _ := descriptorsOf(os.Getpid())
	for _, d := range open {
		if inode, ok := d.socket(); ok {
			inodes[inode] = true
		}
	}
	return inodes
}

// socketLimit says that the thread blocks on a socket with a timeout, or "".
func (x *examination) socketLimit(h thread) (because string, err error) {
	c, _ := callOf(h.number)
	if c.waits != input && c.waits != output {
		return "", nil
	}
	d, ok := x.files[h.pid][int(h.args[0])]
	if !ok {
		return moved, nil
	}
	if _, ok := d.socket(); !ok {
		return "", nil
	}
	because, err = d.limited(c.waits == output)
	if because != "" && because != moved {
		because = fmt.Sprintf("%s (pid %d) %s", program(h.pid), h.pid, because)
	}
	return because, err
}
