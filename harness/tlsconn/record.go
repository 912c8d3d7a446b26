package tlsconn

import (
	"encoding/binary"

	"github.com/sockharness/harness/harness/link"
)

// The types of records, RFC 8446 section 5.1. In TLS 1.3 everything that is encrypted
// goes as application data.
const (
	AlertRecord       = 21
	HandshakeRecord   = 22
	ApplicationRecord = 23
)

// recordHeader is the length of a record's type, version and length.
const recordHeader = 5

// A Record is one that is about to leave, with its header.
type Record []byte

// Type returns its type.
func (r Record) Type() byte { return r[0] }

// Body returns what follows the header.
func (r Record) Body() []byte { return r[recordHeader:] }

// Fragment returns the body of an unencrypted record in records of at most size bytes
// each, as RFC 8446 section 5.1 lets handshake messages be.
func (r Record) Fragment(size int) []byte {
	var out []byte
	for rest := r.Body(); len(rest) > 0; {
		n := min(size, len(rest))
		out = append(out, r[0], r[1], r[2], 0, 0)
		binary.BigEndian.PutUint16(out[len(out)-2:], uint16(n))
		out, rest = append(out, rest[:n]...), rest[n:]
	}
	return out
}

// A RecordConn is a socket below TLS on which somebody takes the records that are about
// to leave, one by one. It is for one writer at a time.
type RecordConn struct {
	link.Conn
	// Send is called with the number of the record, from 0, and sends what takes its
	// place. An error is that of the Write.
	Send func(c link.Conn, n int, r Record) error

	sent  int
	begun []byte // of a record that is not whole yet
}

// Write implements [net.Conn].
func (c *RecordConn) Write(p []byte) (int, error) {
	c.begun = append(c.begun, p...)
	for len(c.begun) >= recordHeader {
		size := recordHeader + int(binary.BigEndian.Uint16(c.begun[3:]))
		if len(c.begun) < size {
			break
		}
		record := Record(c.begun[:size:size])
		c.begun = c.begun[size:]
		c.sent++
		if err := c.Send(c.Conn, c.sent-1, record); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}
