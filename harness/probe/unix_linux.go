package probe

import (
	"errors"
	"fmt"

	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/sock"
)

// underWayUnix says what may reach the tree through a unix stream socket, or "". What one
// end writes lies with the other at once, so only somebody outside can be about to
// speak. Where the kernel does not tell of unix sockets, nothing is known against it.
func (x *examination) underWayUnix() (reason string, err error) {
	if !x.hasOtherSockets() {
		return "", nil
	}
	diag, err := sock.OpenDiag()
	if err != nil {
		return "", accessError("unix sockets", err)
	}
	defer diag.Close()
	all, err := diag.UnixSockets()
	if err != nil {
		if errors.Is(err, sock.ErrUnsupported) || errors.Is(err, sock.ErrNotFound) {
			return "", nil
		}
		return "", accessError("unix sockets", err)
	}
	table := map[uint32]sock.UnixSocket{}
	for _, s := range all {
		table[s.Inode] = s
	}
	x.unix = table
	for inode := range x.sockets {
		if s, ok := table[inode]; ok && s.State == sock.Established && !s.Over {
			if reason := x.underWayFromPeer(s, table, all); reason != "" {
				return reason, nil
			}
		}
	}
	return "", nil
}

// describeUnix names a unix stream socket.
func describeUnix(s sock.UnixSocket, fd int) string {
	name := ""
	if s.Name != "" {
		name = " unix:" + s.Name
	}
	switch {
	case s.State == sock.Listen:
		return "the listener" + name
	case fd <= 1:
		return "standard input and output, a unix socket"
	case s.State == sock.Established && name != "":
		return "the connection at" + name
	}
	return "a unix socket" + name
}

// hasOtherSockets reports whether the tree has sockets that are not TCP.
func (x *examination) hasOtherSockets() bool {
	for inode := range x.sockets {
		if _, tcp := x.all[inode]; !tcp {
			return true
		}
	}
	return false
}

// underWayFromPeer says what may come from the other end of a socket of the tree, or "".
func (x *examination) underWayFromPeer(s sock.UnixSocket, table map[uint32]sock.UnixSocket, all []sock.UnixSocket) string {
	switch {
	case s.Peer == 0:
		return x.awaitingAcceptUnix(all)
	case x.sockets[s.Peer]:
		return ""
	case !x.ownSockets()[s.Peer]:
		return "the other end of a unix socket may speak, which belongs to a process that was not named"
	case table[s.Peer].Unread > 0 && !x.neverReads:
		return fmt.Sprintf("%s lie unread with us", plural.Count(int(table[s.Peer].Unread), "byte"))
	}
	return ""
}

// awaitingAcceptUnix says that a connection may wait in the accept queue of a process
// outside. The kernel tells neither the other end of one that nobody has accepted nor in
// whose queue it is, only how many wait at each listener.
func (x *examination) awaitingAcceptUnix(all []sock.UnixSocket) string {
	for _, l := range all {
		if l.State == sock.Listen && l.Unread > 0 && !x.sockets[l.Inode] && !x.ownSockets()[l.Inode] {
			return "unix:" + l.Name + " may accept the connection and speak, which belongs to a process that was not named"
		}
	}
	return ""
}
