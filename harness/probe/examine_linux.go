package probe

import (
	"fmt"
	"net/netip"
	"os"

	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/sock"
)

// An examination is all that is known of a tree that seems to sleep.
type examination struct {
	tree       tree
	all        map[uint32]connection      // of the network namespace, by inode
	pending    []connection               // those that nobody has accepted yet
	unix       map[uint32]sock.UnixSocket // of all processes, by inode; nil: not looked up
	files      map[int]map[int]descriptor // by pid and number
	sockets    map[uint32]bool            // inodes of the tree's sockets
	ports      map[uint16]bool            // on which the tree listens
	ours       map[uint32]bool            // inodes of our sockets; nil: not looked up
	neverReads bool                       // what lies unread in these stays there
}

// examineTree looks for anything besides the timeouts of calls that may wake the
// tree, and describes what it waits for when there is nothing. If the tree never reads, what
// lies unread with us is nothing.
func (t tree) examineTree(neverReads bool) (d Diagnosis, reason string, err error) {
	if machine == 0 {
		return d, "", fmt.Errorf("system calls of this architecture: %w", sock.ErrUnsupported)
	}
	x := examination{tree: t, neverReads: neverReads, files: map[int]map[int]descriptor{}, sockets: map[uint32]bool{}, ports: map[uint16]bool{}}
	for _, pid := range t.pids {
		if reason, err = x.examineProcess(pid); reason != "" || err != nil {
			return d, reason, err
		}
	}
	if reason, err = x.underWay(); reason != "" || err != nil {
		return d, reason, err
	}
	for _, pid := range t.pids {
		for _, h := range t.threads[pid] {
			if reason, err = x.socketLimit(h); reason != "" || err != nil {
				return d, reason, err
			}
			if reason = x.pipeReason(h); reason != "" {
				return d, reason, nil
			}
		}
	}
	return x.pickWaits(), "", nil
}

// examineProcess reads what a process has open and looks for its timers.
func (x *examination) examineProcess(pid int) (reason string, err error) {
	name := func() string { return fmt.Sprintf("%s (pid %d)", programName(pid), pid) }
	for _, h := range x.tree.threads[pid] {
		if h.awaitsAlarm() {
			return name() + " is prepared for SIGALRM", nil
		}
		if state := h.threadState(); state != 'S' {
			return fmt.Sprintf("%s is in state %c", name(), max(state, '?')), nil
		}
	}
	if otherInstructionSet(pid) {
		return name() + " is a program for another CPU architecture", nil
	}
	if reason := armedTimer(pid); reason != "" {
		return name() + " " + reason, nil
	}
	open, err := descriptorsOf(pid)
	if err != nil {
		return "", err
	}
	x.files[pid] = map[int]descriptor{}
	for _, d := range open {
		if reason := d.timerReason(); reason != "" {
			return name() + " " + reason, nil
		}
		x.files[pid][d.fd] = d
		if inode, ok := d.socketInode(); ok {
			x.sockets[inode] = true
		}
	}
	return "", nil
}

// underWay says what may reach the tree through TCP, or "". A queue of bytes
// that the receiver has closed its window to moves only when somebody reads.
func (x *examination) underWay() (reason string, err error) {
	if err := x.readConnections(false); err != nil {
		return "", err
	}
	reason, doubt := x.underWayBrief()
	if doubt {
		if err := x.readConnections(true); err != nil {
			return "", err
		}
		reason, _ = x.underWayBrief()
	}
	if reason != "" {
		return reason, nil
	}
	return x.underWayUnix()
}

func (x *examination) readConnections(details bool) error {
	table, err := readConnections(details)
	if err != nil {
		return accessError("connections", err)
	}
	x.all, x.pending = table.open, table.pending
	return nil
}

// underWayBrief is underWay without details, which are needed when in doubt.
func (x *examination) underWayBrief() (reason string, doubt bool) {
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
			return "a connection to " + c.remote.String() + " is being opened", false
		}
		other, found := owners[[2]netip.AddrPort{c.remote, c.local}]
		if found {
			reason = x.underWayBetween(c, other)
		} else if reason = x.awaitingAccept(c); reason == "" {
			reason = c.aloneReason()
		}
		if reason != "" {
			return reason, c.unsent+other.unsent > 0
		}
	}
	return "", false
}

// aloneReason says what may happen to a connection whose other end is not in this
// network namespace, or closed already.
func (c connection) aloneReason() string {
	switch {
	case c.state != sock.CloseWait && !c.remote.Addr().IsLoopback() && c.remote.Addr() != c.local.Addr():
		return c.remote.String() + " may send data, and is not on this machine"
	case c.unsent > 0 && !c.probing:
		return fmt.Sprintf("%s are on the way from %v to %v", plural.Count(c.unsent, "byte"), c.local, c.remote)
	}
	return ""
}

// underWayBetween says what is under way between the two ends of a connection, the first
// of which belongs to the tree.
func (x *examination) underWayBetween(c, other connection) string {
	ends := []struct{ from, to connection }{{c, other}, {other, c}}
	for _, e := range ends {
		if !e.from.probing && !e.from.deliveredTo(e.to) {
			return fmt.Sprintf("%s are on the way from %v to %v", plural.Count(e.from.unsent, "byte"), e.from.local, e.to.local)
		}
	}
	switch {
	case x.sockets[other.inode] || c.state == sock.CloseWait && c.unsent == 0:
		return ""
	case !x.ownSockets()[other.inode]:
		return other.local.String() + " may send data, and belongs to another process"
	case other.unread > 0 && !x.neverReads:
		return fmt.Sprintf("%s are unread by the harness", plural.Count(other.unread, "byte"))
	}
	return ""
}

// ownSockets returns the inodes of the sockets of this process.
func (x *examination) ownSockets() map[uint32]bool {
	if x.ours == nil {
		x.ours = ownSockets()
	}
	return x.ours
}

func ownSockets() map[uint32]bool {
	inodes := map[uint32]bool{}
	open, _ := descriptorsOf(os.Getpid())
	for _, d := range open {
		if inode, ok := d.socketInode(); ok {
			inodes[inode] = true
		}
	}
	return inodes
}

// socketLimit says that the thread blocks on a socket with a timeout, or "".
func (x *examination) socketLimit(h thread) (reason string, err error) {
	c, _ := callOf(h.number)
	if c.waits != input && c.waits != output {
		return "", nil
	}
	d, ok := x.files[h.pid][int(h.args[0])]
	if !ok {
		return moved, nil
	}
	if _, ok := d.socketInode(); !ok {
		return "", nil
	}
	reason, err = d.socketTimeout(c.waits == output)
	if reason != "" && reason != moved {
		reason = fmt.Sprintf("%s (pid %d) %s", programName(h.pid), h.pid, reason)
	}
	return reason, err
}
