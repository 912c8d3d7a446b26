package dialogue

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/sockharness/harness/harness/plural"
)

// mostDigits is how many digits a length may have that a marker ends.
const mostDigits = 20

func (f Framing) frameDigits(body []byte) ([]byte, error) {
	length := uint64(len(body))
	if f.Counts != CountsPayload {
		length += uint64(f.Bytes)
	}
	digits := strconv.FormatUint(length, f.Base)
	if f.Bytes > 0 {
		if len(digits) > f.Bytes {
			return nil, fmt.Errorf("the length %d does not fit into %s", length, plural.Count(f.Bytes, "digit"))
		}
		digits = strings.Repeat("0", f.Bytes-len(digits)) + digits
	}
	var out bytes.Buffer
	out.WriteString(digits)
	out.WriteString(f.End)
	out.Write(body)
	out.WriteString(f.Trailer)
	return out.Bytes(), nil
}

// cutDigits measures a message that begins with its length in digits.
func (f Framing) cutDigits(b []byte) (span, bool, error) {
	digits, ok, err := f.digitsOf(b)
	if !ok || err != nil {
		return span{}, false, err
	}
	length, err := strconv.ParseUint(string(digits), f.Base, 64)
	if err != nil {
		return span{}, false, fmt.Errorf("the length %q is no number that fits", digits)
	}
	header := len(digits) + len(f.End)
	if f.Counts != CountsPayload {
		if length < uint64(f.Bytes) {
			return span{}, false, fmt.Errorf("the length says %d, less than its own digits", length)
		}
		length -= uint64(f.Bytes)
	}
	if err := f.checkLength(length); err != nil {
		return span{}, false, err
	}
	s := span{header: header, body: int(length), delimiter: len(f.Trailer)}
	if end := s.header + s.body; len(b) >= s.totalSize() && string(b[end:s.totalSize()]) != f.Trailer {
		return span{}, false, fmt.Errorf("the payload of %s is not followed by %q", plural.Count(s.body, "byte"), f.Trailer)
	}
	return bodySpan(b, s)
}

// digitsOf returns the digits that b begins with; ok is false while they are not whole.
func (f Framing) digitsOf(b []byte) (digits []byte, ok bool, err error) {
	most := f.Bytes
	if f.Bytes == 0 {
		most = mostDigits
	}
	n := 0
	for n < min(len(b), most) && f.isDigit(b[n]) {
		n++
	}
	rest := b[n:]
	switch {
	case f.Bytes > 0 && n == f.Bytes:
		return b[:n], true, nil
	case f.Bytes > 0 && len(rest) > 0, n == 0 && len(rest) > 0:
		return nil, false, fmt.Errorf("the length has %q where a digit must be", rest[:1])
	case f.Bytes > 0:
		return nil, false, nil
	}
	have := rest[:min(len(rest), len(f.End))]
	switch {
	case n == mostDigits && len(rest) > 0 && f.isDigit(rest[0]):
		return nil, false, fmt.Errorf("the length has more than %d digits", mostDigits)
	case string(have) != f.End[:len(have)]:
		return nil, false, fmt.Errorf("the length is followed by %q, not by %q", have, f.End)
	}
	return b[:n], len(have) == len(f.End), nil
}

func (f Framing) isDigit(b byte) bool {
	return '0' <= b && b <= '9' || f.Base == 16 && ('a' <= b && b <= 'f' || 'A' <= b && b <= 'F')
}
