package dialogue

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/sockharness/harness/harness/plural"
)

// headerSize returns how long the header of a LengthPrefix framing is.
func (f Framing) headerSize() int { return max(f.Header, f.Offset+f.Bytes) }

// uncounted returns how many bytes of a message its length does not count, and what it
// counts that is no payload.
func (f Framing) uncounted() (before, extra uint64) {
	header := uint64(f.headerSize())
	switch f.Counts {
	case CountsRest:
		before = uint64(f.Offset + f.Bytes)
	case CountsLengthAndRest:
		before = uint64(f.Offset)
	case CountsPayload:
		before = header
	}
	return before, header - before
}

func (f Framing) framePrefixed(head, body []byte) ([]byte, error) {
	if need := f.headerSize() - f.Bytes; len(head) != need {
		if head == nil {
			return nil, fmt.Errorf("the header has %s besides the length: write {message: …, header: …}", plural.Count(need, "byte"))
		}
		return nil, fmt.Errorf("the header has %s, but the framing has %d besides the length", plural.Count(len(head), "byte"), need)
	}
	_, extra := f.uncounted()
	length := uint64(len(body)) + extra
	if f.Bytes < 8 && length>>(8*f.Bytes) != 0 {
		return nil, fmt.Errorf("the length %d does not fit into %s", length, plural.Count(f.Bytes, "byte"))
	}
	out := f.header(head, length)
	return append(out, body...), nil
}

// header returns a header with the given length in it.
func (f Framing) header(head []byte, length uint64) []byte {
	out := make([]byte, 0, f.headerSize())
	out = append(out, head[:f.Offset]...)
	var wide [8]byte
	if f.LittleEndian {
		binary.LittleEndian.PutUint64(wide[:], length)
		out = append(out, wide[:f.Bytes]...)
	} else {
		binary.BigEndian.PutUint64(wide[:], length)
		out = append(out, wide[8-f.Bytes:]...)
	}
	return append(out, head[f.Offset:]...)
}

func (f Framing) cutPrefixed(b []byte) (span, bool, error) {
	if len(b) < f.Offset+f.Bytes {
		return span{}, false, nil
	}
	length := f.decodeLength(b[f.Offset : f.Offset+f.Bytes])
	_, extra := f.uncounted()
	if length < extra {
		if f.Counts == CountsWhole {
			return span{}, false, fmt.Errorf("the length prefix says %d, less than the prefix itself", length)
		}
		return span{}, false, fmt.Errorf("the length says %d, less than the %s of the header that it counts", length, plural.Count(extra, "byte"))
	}
	if err := f.checkLength(length - extra); err != nil {
		return span{}, false, err
	}
	return bodySpan(b, span{header: f.headerSize(), body: int(length - extra)})
}

// checkLength refuses a body that is longer than allowed.
func (f Framing) checkLength(length uint64) error {
	if length > uint64(min(f.maxBody(), math.MaxInt32)) {
		return fmt.Errorf("the length prefix says %s, more than the %d allowed", plural.Count(length, "byte"), f.maxBody())
	}
	return nil
}

func (f Framing) decodeLength(header []byte) uint64 {
	var v uint64
	for i := range header {
		at := i
		if f.LittleEndian {
			at = len(header) - 1 - i
		}
		v = v<<8 | uint64(header[at])
	}
	return v
}
