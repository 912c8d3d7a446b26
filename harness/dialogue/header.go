package dialogue

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// HeaderLike returns the header of example, which is one message, with another length
// written into it, however wrong it is. ok is false where the header says no length, or
// cannot hold this one.
func (f Framing) HeaderLike(example []byte, length uint64) (header []byte, ok bool) {
	s, whole, err := f.measureFirst(example, nil, true)
	if !whole || err != nil || length > f.LargestLength() {
		return nil, false
	}
	old := example[:s.header]
	switch f.Kind {
	case LengthPrefix:
		return f.header(f.headOf(old), length), true
	case Varint:
		return binary.AppendUvarint(append([]byte{}, f.headOf(old)...), length), true
	case ASCIILength:
		digits := strconv.FormatUint(length, f.Base)
		return []byte(strings.Repeat("0", max(0, f.Bytes-len(digits))) + digits + f.End), true
	case ContentLength, HTTP:
		if _, known := fieldOf(old, "content-length"); !known {
			return nil, false
		}
		return fmt.Appendf(f.headOf(old), "Content-Length: %d\r\n\r\n", length), true
	}
	return nil, false
}

// LargestLength returns the largest length that a header can hold, 0 where it holds none.
func (f Framing) LargestLength() uint64 {
	switch f.Kind {
	case LengthPrefix:
		return math.MaxUint64 >> (64 - 8*f.Bytes)
	case Varint:
		return math.MaxUint64 >> max(0, 64-7*f.Bytes)
	case ASCIILength:
		largest := uint64(0)
		for range f.Bytes {
			if largest > math.MaxUint64/uint64(f.Base)-1 {
				return math.MaxUint64
			}
			largest = largest*uint64(f.Base) + uint64(f.Base) - 1
		}
		if f.Bytes > 0 {
			return largest
		}
		return math.MaxUint64
	case ContentLength, HTTP:
		return math.MaxUint64
	}
	return 0
}

// LeastLength returns the least length that a header may hold: that of an empty payload.
func (f Framing) LeastLength() uint64 {
	switch {
	case f.Kind == ASCIILength && f.Counts != CountsPayload:
		return uint64(f.Bytes)
	case f.Kind != LengthPrefix:
		return 0
	}
	_, extra := f.uncounted()
	return extra
}

// WithoutHeader returns b without the header that it begins with, as far as that is
// there.
func (f Framing) WithoutHeader(b []byte) []byte {
	s, ok, err := f.measureFirst(b, nil, true)
	switch {
	case err == nil && ok:
		return b[s.header:]
	case f.Kind == LengthPrefix:
		return b[min(f.headerSize(), len(b)):]
	}
	return b
}
