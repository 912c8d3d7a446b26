package datagram

import (
	"net"
	"sync"
)

// bufferSize holds every datagram.
const bufferSize = 1 << 16

// buffers are those that are read into.
type buffers struct{ pool sync.Pool }

func (b *buffers) getBuffer() *[bufferSize]byte {
	if one, ok := b.pool.Get().(*[bufferSize]byte); ok {
		return one
	}
	return new([bufferSize]byte)
}

func (b *buffers) putBuffer(one *[bufferSize]byte) { b.pool.Put(one) }

// enlargeBuffer gives the socket of an association room for a burst.
func enlargeBuffer(conn net.Conn) {
	sized, ok := conn.(interface {
		SetReadBuffer(bytes int) error
		SetWriteBuffer(bytes int) error
	})
	if !ok {
		return
	}
	_ = sized.SetReadBuffer(associationBuffer) // what cannot be had is not needed
	_ = sized.SetWriteBuffer(associationBuffer)
}

// A receiver takes datagrams from a socket towards the upstream.
type receiver interface {
	receiveDatagram() ([]byte, error)
	releaseBuffer()
}

// openInlet returns the receiver of a socket.
func openInlet(conn net.Conn, b *buffers) receiver {
	if connected, ok := conn.(*net.UDPConn); ok {
		return newInlet(connected, b)
	}
	return &plainInlet{conn, make([]byte, bufferSize)}
}

// A plainInlet reads into a buffer of its own.
type plainInlet struct {
	conn   net.Conn
	buffer []byte
}

func (i *plainInlet) receiveDatagram() ([]byte, error) {
	n, err := i.conn.Read(i.buffer)
	return i.buffer[:n], err
}

func (i *plainInlet) releaseBuffer() {}
