//go:build !unix

package link

import "time"

// readChunk returns what the source has, up to one chunk. The error is io.EOF at the
// end of the stream.
func (l *Link) readChunk() ([]byte, error) { return l.readWrapped() }

// discardInput drops what c has received and nobody has read, up to limit bytes.
func discardInput(c Conn, pool *Pool, limit int) {
	buf := pool.getBuffer()
	defer pool.putBuffer(buf)
	_ = c.SetReadDeadline(time.Now().Add(time.Millisecond))
	for limit > 0 {
		n, err := c.Read(buf[:])
		if err != nil {
			return
		}
		limit -= n
	}
}
