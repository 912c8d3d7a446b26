package probe

import "github.com/sockharness/harness/harness/sock"

// awaitingAccept says that the other end of a connection waits in the accept
// queue of a process outside, which may accept it and answer. A queue of the
// tree's own, or of ours, moves only when they do.
func (x *examination) awaitingAccept(c connection) (reason string) {
	for _, p := range x.pending {
		if p.local == c.remote && p.remote == c.local && x.acceptedOutside(p) {
			return c.remote.String() + " may accept the connection and send data, and belongs to another process"
		}
	}
	return ""
}

// acceptedOutside reports whether somebody else listens where the pending
// connection arrived.
func (x *examination) acceptedOutside(pending connection) bool {
	for inode, l := range x.all {
		if l.state != sock.Listen || l.local.Port() != pending.local.Port() {
			continue
		}
		if l.local.Addr() != pending.local.Addr() && !l.local.Addr().IsUnspecified() {
			continue
		}
		if !x.sockets[inode] && !x.ownSockets()[inode] {
			return true
		}
	}
	return false
}
