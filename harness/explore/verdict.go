package explore

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/plural"
)

// A Severity orders findings.
type Severity string

// The severities, from the worst on.
const (
	Corruption  Severity = "corruption" // wrong data, or half of it, is taken for the whole
	Crash       Severity = "crash"
	Hang        Severity = "hang"
	Spin        Severity = "spin"
	Leak        Severity = "leak"
	WrongStatus Severity = "wrong-status" // a failure that is none, or one that is not told
	Noise       Severity = "noise"        // costs nobody anything yet
)

// AllSeverities lists the severities from the worst on.
func AllSeverities() []Severity {
	return []Severity{Corruption, Crash, Hang, Spin, Leak, WrongStatus, Noise}
}

// A verdict is what one point came to.
type verdict struct {
	code     string // stable: "wrong-answer"; empty: nothing is wrong
	severity Severity
	rule     string // what a user reads: "the answer differs from the one without a fault"
	symptom  string // what tells one bug from another of the same code; may be empty
	detail   string // of this point
	declare  string // the line of YAML without which this costs no more than a remark
	suspect  bool   // seen in a hurry: it has to be looked at again, alone
	missed   bool   // the conversation did not get to the point
}

// bad reports whether the verdict is a violation.
func (v verdict) bad() bool { return v.code != "" }

// signature is what points of one finding have in common.
func (v verdict) signature() string { return v.code + "|" + v.symptom }

func violation(code string, s Severity, rule, format string, args ...any) verdict {
	return verdict{code: code, severity: s, rule: rule, detail: fmt.Sprintf(format, args...)}
}

// maskNumbers replaces what differs between two runs of the same bug.
func maskNumbers(text string) string {
	text = hexNumber.ReplaceAllString(text, "N")
	return strings.TrimSpace(decimals.ReplaceAllString(text, "N"))
}

var (
	hexNumber = regexp.MustCompile(`0x[0-9a-fA-F]+`)
	decimals  = regexp.MustCompile(`[0-9]+`)
)

// startSize is how many bytes a line of a timeline shows.
const startSize = 48

func quoteStart(b []byte) string {
	if len(b) > startSize {
		return fmt.Sprintf("%s (%s)", quote(b[:startSize]), plural.Count(len(b)-startSize, "more byte"))
	}
	return quote(b)
}

// quote writes bytes as Go does, one escape for each byte that is not ASCII.
func quote(b []byte) string {
	var s strings.Builder
	s.WriteByte('"')
	for _, c := range b {
		switch {
		case c == '\n':
			s.WriteString(`\n`)
		case c == '\r':
			s.WriteString(`\r`)
		case c == '\t':
			s.WriteString(`\t`)
		case c == '"' || c == '\\':
			s.WriteByte('\\')
			s.WriteByte(c)
		case c < ' ' || c > '~':
			fmt.Fprintf(&s, `\x%02x`, c)
		default:
			s.WriteByte(c)
		}
	}
	s.WriteByte('"')
	return s.String()
}

// endingText says how a stream ended, for people.
func endingText(e event.Ending) string {
	switch e {
	case event.EOF:
		return "closes its side (FIN)"
	case event.Reset:
		return "resets the connection (RST)"
	case event.Open, event.Timeout:
		return "keeps the connection open"
	}
	return "ended with " + string(e)
}
