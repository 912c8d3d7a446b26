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

// An inlet reads from a connected socket into a buffer of its own.
type inlet struct {
	conn   *net.UDPConn
	buffer []byte
}

func newInlet(conn *net.UDPConn, _ *buffers) *inlet {
	return &inlet{conn, make([]byte, bufferSize)}
}

func (i *inlet) receiveDatagram() ([]byte, error) {
	n, err := i.conn.Read(i.buffer)
	return i.buffer[:n], err
}

func (i *inlet) releaseBuffer() {}
