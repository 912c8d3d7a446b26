package sock

import (
	"encoding/binary"
	"net"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A RawAddress is the address of an IP socket as the kernel has it. The zero
// RawAddress is none.
type RawAddress struct {
	bytes unix.RawSockaddrInet6 // or the shorter one of IPv4
	size  uint32
}

// NewRawAddress returns an address without a zone, for a socket of its family.
func NewRawAddress(at netip.AddrPort) (a RawAddress) {
	port := binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, at.Port()))
	if ip := at.Addr().Unmap(); ip.Is4() {
		*a.inet4() = unix.RawSockaddrInet4{Family: unix.AF_INET, Port: port, Addr: ip.As4()}
		a.size = unix.SizeofSockaddrInet4
		return a
	}
	a.bytes = unix.RawSockaddrInet6{Family: unix.AF_INET6, Port: port, Addr: at.Addr().As16()}
	a.size = unix.SizeofSockaddrInet6
	return a
}

// inet4 returns the address as that of IPv4, which begins alike.
func (a *RawAddress) inet4() *unix.RawSockaddrInet4 {
	return (*unix.RawSockaddrInet4)(unsafe.Pointer(&a.bytes))
}

// TCPAddr returns the address as package net has it.
func (a RawAddress) TCPAddr() *net.TCPAddr {
	port := int(binary.BigEndian.Uint16(binary.NativeEndian.AppendUint16(nil, a.bytes.Port)))
	switch a.bytes.Family {
	case unix.AF_INET:
		ip := a.inet4().Addr
		return &net.TCPAddr{IP: ip[:], Port: port}
	case unix.AF_INET6:
		ip := a.bytes.Addr
		at := &net.TCPAddr{IP: ip[:], Port: port}
		if a.bytes.Scope_id != 0 {
			if i, err := net.InterfaceByIndex(int(a.bytes.Scope_id)); err == nil {
				at.Zone = i.Name
			}
		}
		return at
	}
	return &net.TCPAddr{}
}
