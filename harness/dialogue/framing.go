package dialogue

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
)

// A FramingKind is a way to tell where a message ends.
type FramingKind uint8

// The kinds of framing.
const (
	None         FramingKind = iota // it cannot be told
	Line                            // a message ends with a delimiter
	LengthPrefix                    // a message begins with its length
	Fixed                           // every message has the same length
	UntilEOF                        // a message ends with the stream
)

// String returns the kind as it is written in a dialogue.
func (k FramingKind) String() string {
	return [...]string{"none", "line", "length-prefix", "fixed", "until-eof"}[k]
}

// A Framing tells where messages begin and end. The zero Framing is none.
type Framing struct {
	Kind           FramingKind
	CRLF           bool  // Line: the delimiter is CR LF, not LF
	Bytes          int   // LengthPrefix: length of the header, 1, 2, 4 or 8
	LittleEndian   bool  // LengthPrefix: order of the header's bytes
	IncludesHeader bool  // LengthPrefix: the length counts the header too
	Max            int64 // LengthPrefix: largest body in bytes; 0: MaxBytes
	Size           int   // Fixed: length of a message in bytes
}

// A span is the extent of one message's parts, in bytes.
type span struct{ header, body, delimiter int }

func (s span) size() int { return s.header + s.body + s.delimiter }

func (f Framing) delimiter() string {
	switch {
	case f.Kind != Line:
		return ""
	case f.CRLF:
		return "\r\n"
	}
	return "\n"
}

// Frame returns body as one message. It is an error if the framing cannot carry
// it: a delimiter inside, a body of another length, one that is too long.
func (f Framing) Frame(body []byte) ([]byte, error) {
	switch f.Kind {
	case Line:
		if i := bytes.Index(body, []byte(f.delimiter())); i >= 0 {
			return nil, fmt.Errorf("the message has its delimiter inside, at byte %d", i)
		}
		return append(bytes.Clone(body), f.delimiter()...), nil
	case LengthPrefix:
		return f.prefixed(body)
	case Fixed:
		if len(body) != f.Size {
			return nil, fmt.Errorf("the message has %d bytes where the framing is fixed at %d", len(body), f.Size)
		}
	}
	return body, nil
}

func (f Framing) prefixed(body []byte) ([]byte, error) {
	length := uint64(len(body))
	if length > uint64(f.maxBody()) {
		return nil, fmt.Errorf("the message has %d bytes where the framing allows %d", length, f.maxBody())
	}
	if f.IncludesHeader {
		length += uint64(f.Bytes)
	}
	if f.Bytes < 8 && length>>(8*f.Bytes) != 0 {
		return nil, fmt.Errorf("the length %d does not fit into %d bytes", length, f.Bytes)
	}
	var wide [8]byte
	if f.LittleEndian {
		binary.LittleEndian.PutUint64(wide[:], length)
		return append(bytes.Clone(wide[:f.Bytes]), body...), nil
	}
	binary.BigEndian.PutUint64(wide[:], length)
	return append(bytes.Clone(wide[8-f.Bytes:]), body...), nil
}

func (f Framing) maxBody() int64 {
	if f.Max > 0 {
		return f.Max
	}
	return MaxBytes
}

// cut measures the first message of b. ok is false while b does not hold all of
// it; searched bytes are known to hold no delimiter. The error says why b cannot
// be the beginning of a message.
func (f Framing) cut(b []byte, searched int, eof bool) (s span, ok bool, err error) {
	switch f.Kind {
	case Line:
		from := max(0, min(searched, len(b))-len(f.delimiter())+1)
		if i := bytes.Index(b[from:], []byte(f.delimiter())); i >= 0 {
			return span{body: from + i, delimiter: len(f.delimiter())}, true, nil
		}
	case Fixed:
		return span{body: f.Size}, len(b) >= f.Size, nil
	case LengthPrefix:
		return f.cutPrefixed(b)
	case UntilEOF:
		return span{body: len(b)}, eof, nil
	}
	return span{}, false, nil
}

func (f Framing) cutPrefixed(b []byte) (span, bool, error) {
	if len(b) < f.Bytes {
		return span{}, false, nil
	}
	length := f.length(b[:f.Bytes])
	if f.IncludesHeader {
		if length < uint64(f.Bytes) {
			return span{}, false, fmt.Errorf("the length prefix says %d, less than the prefix itself", length)
		}
		length -= uint64(f.Bytes)
	}
	if length > uint64(f.maxBody()) {
		return span{}, false, fmt.Errorf("the length prefix says %d bytes, allowed are %d", length, f.maxBody())
	}
	s := span{header: f.Bytes, body: int(min(length, math.MaxInt32))}
	return s, len(b) >= s.size(), nil
}

func (f Framing) length(header []byte) uint64 {
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
