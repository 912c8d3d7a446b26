//go:build !unix

package link

import "time"

// read returns what the source has, up to one chunk. The error is io.EOF at the
// end of the stream.
func (l *Link) read() ([]byte, error) { return l.readLayer() }

// discardInput drops what c has received and nobody has read, up to limit bytes.
func discardInput(c Conn, pool *Pool, limit int) {
	buf := pool.buffer()
	defer pool.giveBuffer(buf)
	_ = c.SetReadDeadline(time.Now().Add(time.Millisecond))
	for limit > 0 {
		n, err := c.Read(buf[:])
		if err != nil {
			return
		}
		limit -= n
	}
}
