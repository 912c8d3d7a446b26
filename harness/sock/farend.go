package sock

import (
	"context"
	"net"
	"net/netip"
)

// FarEnd returns what the kernel tells of the other end of conn, TCP or unix. Of a
// unix socket it knows the state, the inode, and in RQueue what is unread. The error is
// [ErrNotFound] when the other end is on another host, or gone.
func (d *Diag) FarEnd(conn Conn) (Socket, error) {
	if _, ok := conn.LocalAddr().(*net.UnixAddr); ok {
		return d.farUnix(conn)
	}
	far, near, err := connAddrs(conn)
	if err != nil {
		return Socket{}, err
	}
	return d.FindSocket(far, near)
}

// AwaitFarAccepted is [Diag.AwaitAccepted] for the other end of conn.
func (d *Diag) AwaitFarAccepted(ctx context.Context, conn Conn) error {
	return d.awaitFar(ctx, conn, func(s Socket) (bool, error) { return s.Inode != 0 || wasClosed(s), nil })
}

// AwaitFarRead is [Diag.AwaitConsumed] for the other end of conn, which was sent so many
// bytes. Of a unix socket it says that all was taken from the queue, by a read that may
// not have returned yet.
func (d *Diag) AwaitFarRead(ctx context.Context, conn Conn, sent uint64) error {
	if _, ok := conn.LocalAddr().(*net.UnixAddr); ok {
		return d.awaitFar(ctx, conn, func(s Socket) (bool, error) { return s.RQueue == 0, nil })
	}
	far, near, err := connAddrs(conn)
	if err != nil {
		return err
	}
	return d.AwaitConsumed(ctx, far, near, sent)
}

func (d *Diag) awaitFar(ctx context.Context, conn Conn, done func(Socket) (bool, error)) error {
	return awaitFound(ctx, func() (Socket, error) { return d.FarEnd(conn) }, done)
}

// farUnix is FarEnd of a unix socket.
func (d *Diag) farUnix(conn Conn) (Socket, error) {
	inode, err := inodeOf(conn)
	if err != nil {
		return Socket{}, err
	}
	own, err := d.FindUnix(inode)
	if err != nil {
		return Socket{}, err
	}
	if own.Over && own.Peer == 0 {
		return Socket{}, ErrNotFound
	}
	unread, err := OutQueue(conn)
	return Socket{State: Established, Inode: own.Peer, RQueue: uint32(unread)}, err
}

// connAddrs returns the addresses of a TCP connection's two ends.
func connAddrs(conn net.Conn) (far, near netip.AddrPort, err error) {
	if far, err = netip.ParseAddrPort(conn.RemoteAddr().String()); err == nil {
		near, err = netip.ParseAddrPort(conn.LocalAddr().String())
	}
	return far, near, err
}
