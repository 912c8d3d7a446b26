package datagram

import (
	"encoding/binary"
	"net"
	"net/netip"
)

// Port unreachable, in ICMP (RFC 792) and in ICMPv6 (RFC 4443 §3.1).
const (
	unreachable, port4  = 3, 3
	unreachable6, port6 = 1, 4
)

const protocolUDP = 17

// A rawSocket is the sockets that ICMP leaves by, where such may be opened.
type rawSocket struct {
	conns  [2]*net.IPConn
	failed [2]error
	closed bool
}

func (r *rawSocket) closeSocket() {
	r.closed = true
	for _, c := range r.conns {
		if c != nil {
			_ = c.Close()
		}
	}
}

// openSocket returns the socket for a family.
func (r *rawSocket) openSocket(family int, network string) (*net.IPConn, error) {
	if r.closed {
		return nil, net.ErrClosed
	}
	if r.conns[family] == nil && r.failed[family] == nil {
		r.conns[family], r.failed[family] = net.ListenIP(network, nil)
	}
	return r.conns[family], r.failed[family]
}

// sendUnreachable tells a client by ICMP that nobody listens. It takes the privilege of
// raw sockets.
func (p *port) sendUnreachable(k key) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	local := k.local
	if !local.IsValid() {
		local, _ = netip.AddrFromSlice(p.at.IP)
	}
	local = local.Unmap()
	family, network, message := 0, "ip4:icmp", portUnreachable4
	if k.client.Addr().Is6() {
		family, network, message = 1, "ip6:ipv6-icmp", portUnreachable6
	}
	conn, err := p.raw.openSocket(family, network)
	if err != nil {
		return err
	}
	to := &net.IPAddr{IP: k.client.Addr().AsSlice(), Zone: k.client.Addr().Zone()}
	_, err = conn.WriteToIP(message(k.client, netip.AddrPortFrom(local, uint16(p.at.Port))), to)
	return err
}

// portUnreachable4 returns the message that a datagram between two addresses is
// answered with: it quotes the headers of IP and UDP.
func portUnreachable4(from, to netip.AddrPort) []byte {
	m := make([]byte, 8+20+8)
	m[0], m[1] = unreachable, port4
	ip := m[8:28]
	ip[0], ip[8], ip[9] = 0x45, 64, protocolUDP
	binary.BigEndian.PutUint16(ip[2:], 28)
	copy(ip[12:], from.Addr().AsSlice())
	copy(ip[16:], to.Addr().AsSlice())
	binary.BigEndian.PutUint16(ip[10:], icmpChecksum(ip))
	putUDP(m[28:], from, to)
	binary.BigEndian.PutUint16(m[2:], icmpChecksum(m))
	return m
}

// portUnreachable6 leaves the checksum to the kernel (RFC 3542 §3.1).
func portUnreachable6(from, to netip.AddrPort) []byte {
	m := make([]byte, 8+40+8)
	m[0], m[1] = unreachable6, port6
	ip := m[8:48]
	ip[0], ip[6], ip[7] = 0x60, protocolUDP, 64
	binary.BigEndian.PutUint16(ip[4:], 8)
	copy(ip[8:], from.Addr().WithZone("").AsSlice())
	copy(ip[24:], to.Addr().WithZone("").AsSlice())
	putUDP(m[48:], from, to)
	return m
}

func putUDP(header []byte, from, to netip.AddrPort) {
	binary.BigEndian.PutUint16(header, from.Port())
	binary.BigEndian.PutUint16(header[2:], to.Port())
	binary.BigEndian.PutUint16(header[4:], 8)
}

// icmpChecksum is that of RFC 1071; the field itself must be zero.
func icmpChecksum(data []byte) uint16 {
	var sum uint32
	for i := 0; i+1 < len(data); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(data[i:]))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}
