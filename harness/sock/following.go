package sock

import (
	"bytes"
	"context"
	"net"
	"net/netip"
	"sync"
)

// A FollowingConn is a socket of UDP, as a [Conn], for a peer that answers from another port
// than the one that was asked: the first answer tells which, and what is sent from then on
// goes there, as the transfer identifiers of TFTP have it (RFC 1350 §4). The first datagram,
// sent again, goes to the port that was asked, and the next answer tells anew. Datagrams of
// other hosts, and of other ports once one is known, are dropped.
type FollowingConn struct {
	*net.UDPConn
	asked netip.AddrPort

	mu    sync.Mutex     // guards what follows
	peer  netip.AddrPort // where what is sent goes
	moved bool           // an answer has told another port than the one that was asked
	first []byte         // the first datagram that was sent; nil: none was
}

// DialFollowing opens a socket to a peer at host:port. ICMP errors are reported as on a
// connected socket, on Linux. The caller closes.
func DialFollowing(ctx context.Context, address string) (*FollowingConn, error) {
	var d net.Dialer
	route, err := d.DialContext(ctx, "udp", address)
	if err != nil {
		return nil, err
	}
	defer route.Close()
	asked := route.RemoteAddr().(*net.UDPAddr).AddrPort()
	asked = netip.AddrPortFrom(asked.Addr().Unmap(), asked.Port())
	network := "udp4"
	if asked.Addr().Is6() {
		network = "udp6"
	}
	conn, err := net.ListenUDP(network, &net.UDPAddr{IP: route.LocalAddr().(*net.UDPAddr).IP})
	if err != nil {
		return nil, err
	}
	reportICMP(conn)
	return &FollowingConn{UDPConn: conn, asked: asked, peer: asked}, nil
}

// Read implements [net.Conn]: each is one datagram of the peer.
func (c *FollowingConn) Read(b []byte) (int, error) {
	for {
		n, from, err := c.ReadFromUDPAddrPort(b)
		if err != nil || c.takes(netip.AddrPortFrom(from.Addr().Unmap(), from.Port())) {
			return n, err
		}
	}
}

// takes reports whether a datagram is the peer's, and follows it to its port.
func (c *FollowingConn) takes(from netip.AddrPort) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case from == c.peer:
		return true
	case c.moved || from.Addr() != c.peer.Addr():
		return false
	}
	c.peer, c.moved = from, true
	return true
}

// Write implements [net.Conn]: each is one datagram.
func (c *FollowingConn) Write(b []byte) (int, error) {
	c.mu.Lock()
	switch {
	case c.first == nil:
		c.first = append([]byte{}, b...)
	case c.moved && bytes.Equal(b, c.first):
		c.peer, c.moved = c.asked, false
	}
	to := c.peer
	c.mu.Unlock()
	return c.WriteToUDPAddrPort(b, to)
}

// RemoteAddr implements [net.Conn]: it is where what is sent goes.
func (c *FollowingConn) RemoteAddr() net.Addr {
	c.mu.Lock()
	defer c.mu.Unlock()
	return net.UDPAddrFromAddrPort(c.peer)
}

// CloseWrite implements [Conn]. The error is always syscall.ENOTSUP.
func (c *FollowingConn) CloseWrite() error { return DatagramConn{}.CloseWrite() }
