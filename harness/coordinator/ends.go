package coordinator

import (
	"fmt"
	"strings"

	"github.com/sockharness/harness/harness/plural"
)

// An ends keeps the first and the last part of what is written to it, limit bytes in all.
type ends struct {
	limit int
	first []byte
	last  []byte // twice its half may gather, so that bytes move once per half and not once per write
	total int64
}

func (e *ends) half() int { return e.limit / 2 }

// add keeps what p has of either end.
func (e *ends) add(p []byte) {
	e.total += int64(len(p))
	n := min(len(p), e.half()-len(e.first))
	e.first, p = append(e.first, p[:n]...), p[n:]
	p = p[max(0, len(p)-e.half()):]
	if len(e.last)+len(p) > 2*e.half() {
		kept := copy(e.last, e.last[max(0, len(e.last)-e.half()):])
		e.last = e.last[:kept]
	}
	e.last = append(e.last, p...)
}

// leftOut returns how many bytes were not kept.
func (e *ends) leftOut() int64 {
	return max(0, e.total-int64(len(e.first))-int64(e.half()))
}

// String returns what was kept, and between its parts how much was not.
func (e *ends) String() string {
	last := e.last[max(0, len(e.last)-e.half()):]
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
	e := ends{limit: limit, total: int64(len(text))}
	e.first, e.last = []byte(text[:e.half()]), []byte(text[len(text)-e.half():])
	return e.String()
}
