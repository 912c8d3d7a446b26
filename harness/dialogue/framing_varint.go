package dialogue

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/sockharness/harness/harness/plural"
)

func (f Framing) frameVarint(head, body []byte) ([]byte, error) {
	if len(head) != f.Offset {
		if head == nil {
			return nil, fmt.Errorf("the header has %s before the length: write {message: …, header: …}", plural.Count(f.Offset, "byte"))
		}
		return nil, fmt.Errorf("the header has %s, but the framing has %d before the length", plural.Count(len(head), "byte"), f.Offset)
	}
	length := binary.AppendUvarint(nil, uint64(len(body)))
	if len(length) > f.Bytes {
		return nil, fmt.Errorf("the length %d does not fit into %s of seven bits", len(body), plural.Count(f.Bytes, "byte"))
	}
	return slices.Concat(head, length, body), nil
}

// cutVarint measures a message whose length is written seven bits a byte, the lowest
// first, with the highest bit set on all but the last.
func (f Framing) cutVarint(b []byte) (span, bool, error) {
	if len(b) <= f.Offset {
		return span{}, false, nil
	}
	field := b[f.Offset:min(len(b), f.Offset+f.Bytes)]
	length, n := binary.Uvarint(field)
	switch {
	case n < 0 || n == 0 && len(field) == f.Bytes:
		return span{}, false, fmt.Errorf("the length has more than %s", plural.Count(f.Bytes, "byte"))
	case n == 0:
		return span{}, false, nil
	}
	if err := f.checkLength(length); err != nil {
		return span{}, false, err
	}
	return bodySpan(b, span{header: f.Offset + n, body: int(length)})
}

// webSocketText is the first byte of a text message that is whole.
const webSocketText = 0x81

// webSocketKey masks what a client sends; a fixed one, so that runs are alike.
var webSocketKey = [...]byte{0x37, 0xfa, 0x21, 0x3d}

func (f Framing) frameWebSocket(head, body []byte) ([]byte, error) {
	if head == nil {
		head = []byte{webSocketText}
	}
	if len(head) != 1 {
		return nil, fmt.Errorf("the header has %s, but a WebSocket frame has 1 besides length and mask", plural.Count(len(head), "byte"))
	}
	out := []byte{head[0]}
	switch n := len(body); {
	case n < 126:
		out = append(out, byte(n))
	case n <= 0xffff:
		out = binary.BigEndian.AppendUint16(append(out, 126), uint16(n))
	default:
		out = binary.BigEndian.AppendUint64(append(out, 127), uint64(n))
	}
	if !f.client {
		return append(out, body...), nil
	}
	out[1] |= 0x80
	out = append(out, webSocketKey[:]...)
	return append(out, unmask(out, body)...), nil
}

// unmask returns the payload of a frame with the given header. Masking twice gives the
// same bytes again.
func unmask(header, payload []byte) []byte {
	if len(header) < 6 || isHead(header) || header[1]&0x80 == 0 {
		return payload
	}
	key, out := header[len(header)-4:], bytes.Clone(payload)
	for i := range out {
		out[i] ^= key[i%4]
	}
	return out
}

// isHead reports whether bytes are those of an HTTP request or response: no first byte
// of a WebSocket frame is a G or an H.
func isHead(b []byte) bool { return len(b) > 0 && (b[0] == 'G' || b[0] == 'H') }

// cutWebSocket measures a frame, or before them the head of the HTTP request or
// response that opens the connection.
func (f Framing) cutWebSocket(b []byte, p *progress) (span, bool, error) {
	if isHead(b) {
		n, err := headLength(b, p)
		return span{header: n}, n > 0, err
	}
	if len(b) < 2 {
		return span{}, false, nil
	}
	s, length := span{header: 2}, uint64(b[1]&0x7f)
	switch length {
	case 126:
		s.header = 4
	case 127:
		s.header = 10
	}
	if len(b) < s.header {
		return span{}, false, nil
	}
	switch s.header {
	case 4:
		length = uint64(binary.BigEndian.Uint16(b[2:]))
	case 10:
		length = binary.BigEndian.Uint64(b[2:])
	}
	if err := f.checkLength(length); err != nil {
		return span{}, false, err
	}
	if b[1]&0x80 != 0 {
		s.header += 4
	}
	s.body = int(length)
	return bodySpan(b, s)
}
