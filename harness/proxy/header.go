package proxy

import (
	"encoding/binary"
	"net"
	"net/netip"
)

// The PROXY protocol, version 2, as haproxy.org's proxy-protocol.txt §2.2 has it.
const (
	headerSignature = "\r\n\r\n\x00\r\nQUIT\n"
	headerVersion   = 0x20
	commandLocal    = 0x0
	commandProxy    = 0x1
	familyTCP4      = 0x11
	familyTCP6      = 0x21
)

// proxyHeader returns what tells a server who its client is and where that has
// connected to. Of a client that is not on TCP it says LOCAL, so that the server
// takes the connection's own addresses, as HAProxy has it: a server that does not
// know a family may reset the connection (HAProxy 2.6 does, of AF_UNIX and UNSPEC).
func proxyHeader(client, local net.Addr) []byte {
	command, family, addresses := byte(commandLocal), byte(0), []byte(nil)
	from, ok1 := client.(*net.TCPAddr)
	to, ok2 := local.(*net.TCPAddr)
	if ok1 && ok2 {
		command = commandProxy
		family, addresses = headerTCP(from.AddrPort(), to.AddrPort())
	}
	h := append([]byte(headerSignature), headerVersion|command, family)
	h = binary.BigEndian.AppendUint16(h, uint16(len(addresses)))
	return append(h, addresses...)
}

func headerTCP(from, to netip.AddrPort) (family byte, addresses []byte) {
	source, destination := from.Addr().Unmap(), to.Addr().Unmap()
	family = familyTCP6
	if source.Is4() && destination.Is4() {
		family = familyTCP4
		addresses = append(source.AsSlice(), destination.AsSlice()...)
	} else {
		s, d := source.As16(), destination.As16()
		addresses = append(s[:], d[:]...)
	}
	addresses = binary.BigEndian.AppendUint16(addresses, from.Port())
	return family, binary.BigEndian.AppendUint16(addresses, to.Port())
}
