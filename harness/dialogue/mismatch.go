package dialogue

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/plural"
)

// A Mismatch is the first place where received bytes are not what the script
// says.
type Mismatch struct {
	Step   int    // from 0; -1: the greeting; number of steps: after the last
	Offset int64  // of the first wrong byte in the stream that was received
	Want   string // for people
	Got    []byte // what was received since the step began
	Line   int    // of the dialogue's file; 0: none

	where string
	what  string // request or reply
	note  string
	want  []byte // nil: not known byte by byte
	base  int64  // stream offset where the step began
}

func (s *Script) newMismatch(side event.Side, step int, base int64, pattern Pattern, got []byte, d *difference) *Mismatch {
	m := &Mismatch{Step: step, Offset: base + int64(d.at), Got: got, where: s.stepName(step), what: incomingName(side), note: d.note, base: base}
	if step >= 0 && step < len(s.Steps) {
		m.Line = s.Steps[step].Line
	}
	if want, ok := pattern.LiteralBytes(); ok {
		m.want = want
	}
	m.Want = pattern.describePattern()
	return m
}

// stepName names the place of a step for people.
func (s *Script) stepName(step int) string {
	var where string
	switch {
	case step < 0:
		where = "greeting"
	case step >= len(s.Steps):
		where = "after the last exchange"
	default:
		where = fmt.Sprintf("exchange %d", step+1)
		if line := s.Steps[step].Line; line > 0 && s.File != "" {
			return fmt.Sprintf("%s (%s:%d)", where, s.File, line)
		}
	}
	if s.File != "" {
		return fmt.Sprintf("%s (%s)", where, s.File)
	}
	return where
}

func (p Pattern) describePattern() string {
	if len(p) == 0 {
		return "nothing"
	}
	var all []string
	for _, e := range p {
		switch {
		case e.OneOf != nil:
			var some []string
			for _, one := range e.OneOf {
				some = append(some, one.describePattern())
			}
			all = append(all, "one of ("+strings.Join(some, " | ")+")")
		case e.Any:
			all = append(all, "any message")
		case e.Regex != nil:
			all = append(all, "a message that matches "+e.Regex.String())
		default:
			all = append(all, quoteText(e.SentBytes))
		}
	}
	return strings.Join(all, ", then ")
}

// Shortfall returns what was expected and what came of it, as text and as rows of
// hex and ASCII, where the stream ended, or fell silent, within it.
func (m *Mismatch) Shortfall() string {
	var b strings.Builder
	fmt.Fprintf(&b, "  want %s\n  got  %s\n", m.Want, quoteText(m.Got))
	writeDiff(&b, m.want, m.Got, int(m.Offset-m.base), m.base)
	return strings.TrimRight(b.String(), "\n")
}

// Error returns where and how the bytes differ: as text where they are short,
// and as hex and ASCII around the first difference.
func (m *Mismatch) Error() string {
	var b strings.Builder
	at := int(m.Offset - m.base)
	fmt.Fprintf(&b, "%s: ", m.where)
	switch {
	case m.Want == "nothing":
		fmt.Fprintf(&b, "%s that were not requested", plural.Count(len(m.Got), "byte"))
	case m.note != "":
		b.WriteString(m.note)
	default:
		fmt.Fprintf(&b, "the %s differs", m.what)
	}
	fmt.Fprintf(&b, ", at byte %d of the stream", m.Offset)
	if at > 0 {
		fmt.Fprintf(&b, ", byte %d of this %s", at, cmp.Or(m.what, "message"))
	}
	fmt.Fprintf(&b, "\n  want %s\n  got  %s\n", m.Want, quoteText(m.Got))
	writeDiff(&b, m.want, m.Got, at, m.base)
	return strings.TrimRight(b.String(), "\n")
}
