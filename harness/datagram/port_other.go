//go:build !linux

package datagram

import (
	"errors"
	"net"
	"net/netip"
)

// controlSize is zero: control messages are not read.
const controlSize = 0

// shutPort fails: here the port has to be closed to be refused.
func shutPort(*net.UDPConn, *net.UDPAddr) error { return errors.ErrUnsupported }

func reopenPort(*net.UDPConn) error { return errors.ErrUnsupported }

// wantLocal fails: answers leave from the address that the system picks.
func wantLocal(*net.UDPConn) error { return errors.ErrUnsupported }

func localOf([]byte) netip.Addr { return netip.Addr{} }

func fromLocal(netip.Addr, *net.UDPAddr) []byte { return nil }

func newInlet(conn *net.UDPConn, _ *buffers) receiver {
	return &plainInlet{conn, make([]byte, bufferSize)}
}
