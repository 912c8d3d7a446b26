package scenariofile

import (
	"regexp"
	"testing"

	"github.com/sockharness/harness/harness/dialogue"
)

func literal(text string) dialogue.Element { return dialogue.Element{SentBytes: []byte(text)} }

func expression(text string) dialogue.Element {
	return dialogue.Element{Regex: regexp.MustCompile(text)}
}

func TestComparePattern(t *testing.T) {
	line := dialogue.Framing{Kind: dialogue.Line}
	none := dialogue.Framing{}
	prefix := dialogue.Framing{Kind: dialogue.LengthPrefix, Bytes: 2}
	any := dialogue.Element{Any: true}
	for _, tt := range []struct {
		name    string
		framing dialogue.Framing
		pattern dialogue.Pattern
		got     string
		eof     bool
		want    verdict
		size    int
	}{
		{"nothing yet", line, dialogue.Pattern{literal("OK\n")}, "", false, undecided, 0},
		{"a part", line, dialogue.Pattern{literal("OK\n")}, "O", false, undecided, 0},
		{"whole, and more", line, dialogue.Pattern{literal("OK\n")}, "OK\nX", false, matched, 3},
		{"another byte", line, dialogue.Pattern{literal("OK\n")}, "OX", false, differs, 0},
		{"a line", line, dialogue.Pattern{any}, "abc\ndef", false, matched, 4},
		{"half a line", line, dialogue.Pattern{any}, "abc", false, undecided, 0},
		{"expression in the line", line, dialogue.Pattern{expression("^b")}, "abc\n", false, differs, 0},
		{"expression in a later line", line, dialogue.Pattern{expression("c")}, "ab\nc\n", false, differs, 0},
		{"two lines", line, dialogue.Pattern{expression("a"), literal("b\n")}, "a\nb\n", false, matched, 4},
		{"a frame", prefix, dialogue.Pattern{any}, "\x00\x02abc", false, matched, 4},
		{"half a frame", prefix, dialogue.Pattern{any}, "\x00\x02a", false, undecided, 0},
		{"no framing, expression", none, dialogue.Pattern{expression("b+c")}, "abbcd", false, matched, 4},
		{"no framing, not yet", none, dialogue.Pattern{expression("z")}, "abc", false, undecided, 0},
		{"no framing, any", none, dialogue.Pattern{any}, "abc", false, matched, 3},
		{"no framing, nothing", none, dialogue.Pattern{any}, "", true, undecided, 0},
	} {
		m := comparePattern(tt.framing, tt.pattern, []byte(tt.got), tt.eof)
		if m.verdict != tt.want || m.verdict == matched && m.size != tt.size {
			t.Errorf("%s: got %v of %d bytes, want %v of %d", tt.name, m.verdict, m.size, tt.want, tt.size)
		}
	}
}

func TestMatchKeepsGroups(t *testing.T) {
	m := comparePattern(dialogue.Framing{Kind: dialogue.Line}, dialogue.Pattern{expression(`^(\w+) (?P<code>\d+)`)}, []byte("ERR 42\n"), false)
	if m.verdict != matched || string(m.groups["1"]) != "ERR" || string(m.groups["code"]) != "42" || string(m.groups["0"]) != "ERR 42" {
		t.Errorf("got %v %q", m.verdict, m.groups)
	}
}

// A datagram is all of what is expected.
func TestCompareDatagram(t *testing.T) {
	for _, tt := range []struct {
		pattern dialogue.Pattern
		got     string
		want    verdict
	}{
		{dialogue.Pattern{literal("AB")}, "AB", matched},
		{dialogue.Pattern{literal("AB")}, "A", differs},
		{dialogue.Pattern{literal("AB")}, "ABC", differs},
		{dialogue.Pattern{expression("^A")}, "ABC", matched},
		{dialogue.Pattern{expression("^B")}, "ABC", differs},
		{dialogue.Pattern{{Any: true}}, "ABC", matched},
	} {
		if m := compareDatagram(tt.pattern, []byte(tt.got)); m.verdict != tt.want {
			t.Errorf("%v against %q: got %v, want %v", tt.pattern, tt.got, m.verdict, tt.want)
		}
	}
}
