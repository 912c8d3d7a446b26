package coordinator

import (
	"fmt"
	"strings"

	"github.com/sockharness/harness/harness/plural"
)

// An ends keeps the first and the last bytes of what is written to it, limit bytes in all.
type ends struct {
	limit int
	first []byte
	last  lastBytes
	total int64
}

func (e *ends) half() int { return e.limit / 2 }

// add keeps the bytes of p that belong to one of the ends.
func (e *ends) add(p []byte) {
	e.total += int64(len(p))
	n := min(len(p), e.half()-len(e.first))
	e.first = append(e.first, p[:n]...)
	e.last.add(p[n:], e.half())
}

// leftOut returns how many bytes were not kept.
func (e *ends) leftOut() int64 {
	return max(0, e.total-int64(len(e.first))-int64(e.half()))
}

// String returns the first part, a line that says how much was left out, and the last part.
func (e *ends) String() string {
	last := e.last.end(e.half())
	if e.leftOut() == 0 {
		return string(e.first) + string(last)
	}
	return fmt.Sprintf("%s\n… (%s left out) …\n%s", strings.ToValidUTF8(string(e.first), ""),
		plural.Count(e.leftOut(), "byte"), strings.ToValidUTF8(string(last), ""))
}

// endsOf returns a text within the limit, as an ends keeps it.
func endsOf(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	e := ends{limit: limit}
	e.add([]byte(text))
	return e.String()
}
