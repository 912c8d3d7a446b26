package dialogue

import (
	"bytes"
	"fmt"
)

// cutLine measures a line. Where both line ends are allowed, a CR before the LF is
// part of the delimiter.
func (f Framing) cutLine(b []byte, p *progress) (span, bool, error) {
	end := f.delimiterText()
	i, ok := findEnd(b, end, p)
	if !ok {
		return span{}, false, nil
	}
	s := span{body: i, delimiter: len(end)}
	if f.EitherEnd && i > 0 && b[i-1] == '\r' {
		s.body, s.delimiter = i-1, 2
	}
	return s, true, nil
}

// cutMarked measures a message between two markers.
func (f Framing) cutMarked(b []byte, p *progress) (span, bool, error) {
	n := min(len(b), len(f.Start))
	if at := CommonPrefix(b[:n], []byte(f.Start[:n])); at < n {
		return span{}, false, fmt.Errorf("the message does not begin with %q, byte %d is %q", f.Start, at, b[at:at+1])
	}
	if len(b) < len(f.Start) {
		return span{}, false, nil
	}
	p.at = max(p.at, len(f.Start)+len(f.End)-1) // the end may not overlap the start
	i, ok := findEnd(b, f.End, p)
	if !ok {
		return span{}, false, nil
	}
	return span{header: len(f.Start), body: i - len(f.Start), delimiter: len(f.End)}, true, nil
}

// findEnd looks for the delimiter where it was not looked for before.
func findEnd(b []byte, end string, p *progress) (int, bool) {
	from := max(0, min(p.at, len(b))-len(end)+1)
	if i := bytes.Index(b[from:], []byte(end)); i >= 0 {
		return from + i, true
	}
	p.at = max(p.at, len(b))
	return 0, false
}
