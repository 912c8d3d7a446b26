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
	familyUnix      = 0x31
	unixNameSize    = 108 // of each of the two names
)

// header returns what tells a server who its client is and where that has
// connected to. Of addresses that cannot be told it says that there are none, so
// that the server takes the connection's own.
func header(client, local net.Addr) []byte {
	family, addresses := headerAddresses(client, local)
	command := byte(commandProxy)
	if family == 0 {
		command = commandLocal
	}
	h := append([]byte(headerSignature), headerVersion|command, family)
	h = binary.BigEndian.AppendUint16(h, uint16(len(addresses)))
	return append(h, addresses...)
}

func headerAddresses(client, local net.Addr) (family byte, addresses []byte) {
	switch from := client.(type) {
	case *net.TCPAddr:
		if to, ok := local.(*net.TCPAddr); ok {
			return headerTCP(from.AddrPort(), to.AddrPort())
		}
	case *net.UnixAddr:
		if to, ok := local.(*net.UnixAddr); ok {
			return familyUnix, append(headerName(from), headerName(to)...)
		}
	}
	return 0, nil
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

// headerName returns the name as sun_path has it; a socket without one has zeros.
func headerName(a *net.UnixAddr) []byte {
	name := a.Name
	switch {
	case name == "@":
		name = ""
	case len(name) > 0 && name[0] == '@':
		name = "\x00" + name[1:]
	}
	field := make([]byte, unixNameSize)
	copy(field, name)
	return field
}
