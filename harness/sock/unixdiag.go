package sock

// A UnixSocket is what sock_diag tells of a unix stream socket of any process on
// this host (unix_diag in the kernel).
type UnixSocket struct {
	State State  // [Established], [Listen] or [Close]
	Inode uint32 // the number in /proc/PID/fd; 0 until the process has accepted the connection
	Name  string // the path, or "@name"; empty: it has none. An accepted one has that of its listener
	Peer  uint32 // inode of the other end; 0: not accepted yet, or closed
	// Unread counts the bytes that the process has not read; of a listener, the
	// connections that wait to be accepted.
	Unread uint32
	// Unsent is the memory of what the other end has not read; of a listener, its backlog.
	Unsent uint32
	// Over is set when neither side can send any more.
	Over bool
}

// QueueFull reports whether a connect to the listener would block.
func (s UnixSocket) QueueFull() bool { return s.State == Listen && s.Unread > s.Unsent }

// UnixSockets returns all unix stream sockets of this network namespace.
func (d *Diag) UnixSockets() (all []UnixSocket, err error) {
	err = d.withClient(func(c *client) (err error) {
		all, err = c.unixSockets(0)
		return err
	})
	return all, err
}

// FindUnix returns the unix socket with the inode, [ErrNotFound] where there is none.
func (d *Diag) FindUnix(inode uint32) (s UnixSocket, err error) {
	err = d.withClient(func(c *client) error {
		all, err := c.unixSockets(inode)
		if err == nil && len(all) == 0 {
			err = ErrNotFound
		}
		if err == nil {
			s = all[0]
		}
		return err
	})
	return s, err
}
