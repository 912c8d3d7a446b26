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
func enlargeBuffer(conn *net.UDPConn) {
	_ = conn.SetReadBuffer(associationBuffer) // what cannot be had is not needed
	_ = conn.SetWriteBuffer(associationBuffer)
}
