package sock

import (
	"net/netip"
	"time"
)

// A Connection is a TCP connection as one of its ends on this host has it. Where both are on
// this host there are two.
type Connection struct {
	Local, Remote netip.AddrPort // IPv4 addresses are never mapped into IPv6
	State         State          // state of the connection
	UID           uint32         // that owns the socket
	Inode         uint32         // the number in /proc/PID/fd; 0: no process holds it
	Idle          time.Duration  // of TimeWait and FinWait2: since when the kernel alone has it; else 0
}

// Connections returns the TCP connections of this network namespace that have the port at
// their own end, or, if far is set, at the other one; port 0: all. Of those that are over
// it knows what the kernel still has: the end that closed first is kept for a minute, unless
// the connection was reset. A port costs the kernel a walk through all its connections, some
// 0.1 µs each.
func (d *Diag) Connections(port uint16, far bool) (all []Connection, err error) {
	err = d.withClient(func(c *client) (err error) {
		all, err = c.connections(connected, port, far)
		return err
	})
	return all, err
}

// OpenConnections returns the TCP connections of this network namespace that no end has closed.
func (d *Diag) OpenConnections() (all []Connection, err error) {
	err = d.withClient(func(c *client) (err error) {
		all, err = c.connections(1<<Established, 0, false)
		return err
	})
	return all, err
}

// connected are the states of connections that are open or over.
const connected = 1<<Established | 1<<FinWait1 | 1<<FinWait2 | 1<<TimeWait | 1<<CloseWait | 1<<LastAck | 1<<Closing
