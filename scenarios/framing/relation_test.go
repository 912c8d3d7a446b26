package framing

import (
	"bytes"
	"regexp"
	"testing"

	"github.com/sockharness/harness/harness/dialogue"
)

func scripted(t *testing.T, framing dialogue.Framing, pairs ...string) *dialogue.Script {
	t.Helper()
	s := &dialogue.Script{Framing: framing}
	for i := 0; i < len(pairs); i += 2 {
		ask, err := framing.FrameBody([]byte(pairs[i]))
		if err != nil {
			t.Fatal(err)
		}
		reply, err := framing.FrameBody([]byte(pairs[i+1]))
		if err != nil {
			t.Fatal(err)
		}
		s.Steps = append(s.Steps, dialogue.Step{Send: ask, Expect: dialogue.Pattern{{SentBytes: reply}}})
	}
	return s
}

var (
	lines    = dialogue.Framing{Kind: dialogue.Line}
	prefixed = dialogue.Framing{Kind: dialogue.LengthPrefix, Bytes: 4}
)

func TestLearn(t *testing.T) {
	tests := []struct {
		name  string
		pairs []string
		ask   string
		want  string // empty: not known
	}{
		{"upper case", []string{"hello", "HELLO", "bye", "BYE"}, "abc", "ABC"},
		{"echo", []string{"hello", "hello", "B", "B"}, "x\x00\xffy", "x\x00\xffy"},
		{"between prefix and suffix", []string{"a", "you said a.", "bc", "you said bc."}, "def", "you said def."},
		{"digits do not tell the case", []string{"1", "1", "23", "23"}, "abc", ""},
		{"digits tell digits", []string{"1", "1", "23", "23"}, "456", "456"},
		{"upper case does not tell bytes above 7f", []string{"hello", "HELLO", "bye", "BYE"}, "\xfc", ""},
		{"unless some were there", []string{"gr\xfc", "GR\xfc", "bye", "BYE"}, "\xe4", "\xe4"},
		{"one exchange", []string{"hello", "HELLO"}, "abc", ""},
		{"the same twice", []string{"hello", "HELLO", "hello", "HELLO"}, "abc", ""},
		{"a constant", []string{"ping", "pong", "pang", "pong"}, "abc", ""},
		{"one that contradicts", []string{"hello", "HELLO", "bye", "BYE", "what", "eh"}, "abc", ""},
	}
	for _, tt := range tests {
		for _, framing := range []dialogue.Framing{lines, prefixed} {
			t.Run(tt.name+" "+framing.Kind.String(), func(t *testing.T) {
				r := learnModel(scripted(t, framing, tt.pairs...))
				var got []byte
				known := false
				if r != nil {
					got, known = r.predictReply([]byte(tt.ask))
				}
				if known != (tt.want != "") || known && string(got) != tt.want {
					t.Errorf("answer to %q: %q, %t; want %q", tt.ask, got, known, tt.want)
				}
			})
		}
	}
}

// A filler holds only bytes whose answers are known, and no period of a buffer.
func TestFiller(t *testing.T) {
	r := learnModel(scripted(t, lines, "hello", "HELLO", "bye", "BYE"))
	body := r.fillerBody(1 << 14)
	if _, known := r.predictReply(body); !known {
		t.Error("the answer to the filler is not known")
	}
	for n := 64; n < len(body); n *= 2 {
		if bytes.Equal(body[:n], body[n:min(2*n, len(body))]) {
			t.Errorf("the filler repeats after %d bytes", n)
		}
	}
	if bytes.ContainsAny(body, "\r\n") {
		t.Error("the filler has a line end")
	}
}

func TestRefusal(t *testing.T) {
	long := bytes.Repeat([]byte("ABCDEFGH"), 600)
	framed, err := prefixed.FrameBody(long)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name    string
		framing dialogue.Framing
		want    []byte
		got     string
		refused bool
	}{
		{"an error", lines, append(long, '\n'), "ERR line too long\n", true},
		{"a short answer", lines, append(long, '\n'), "ABCDEFGH\n", false},
		{"a long other one", lines, append(long, '\n'), string(bytes.Repeat([]byte("x"), 600)), false},
		{"an error with a length", prefixed, framed, "\x00\x00\x00\x03ERR", true},
		{"a short answer with a length", prefixed, framed, "\x00\x00\x00\x08ABCDEFGH", false},
		{"an empty one with a length", prefixed, framed, "\x00\x00\x00\x00", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := &dialogue.Script{Framing: tt.framing, Steps: []dialogue.Step{{Expect: dialogue.Pattern{{SentBytes: tt.want}}}, {}}}
			if got := isRefusal(&dialogue.Mismatch{Step: 0, Got: []byte(tt.got)}, s); got != tt.refused {
				t.Errorf("%q is a refusal: %t, want %t", tt.got, got, tt.refused)
			}
		})
	}
}

// The reply is the last that comes, unless answers come in any order.
func TestIsAnswered(t *testing.T) {
	s := &dialogue.Script{Framing: dialogue.Framing{Kind: dialogue.Line}}
	got, reply := []byte("1 A\n2 ?\n"), []byte("1 A\n")
	if isAnswered(s, got, reply) || !isAnswered(s, got[:4], reply) {
		t.Error("want the reply at the end")
	}
	s.Tag = regexp.MustCompile(`^\d`)
	if !isAnswered(s, got, reply) || isAnswered(s, got[4:], reply) {
		t.Error("want the reply anywhere")
	}
}
