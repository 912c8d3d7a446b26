package dialogue

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/sockharness/harness/harness/event"
)

func TestMismatchForPeople(t *testing.T) {
	s := &Script{File: "kv.yaml", Steps: []Step{{}, {Line: 9}}}
	m := s.newMismatch(event.Client, 1, 14, Pattern{{SentBytes: []byte("value 1\n")}}, []byte("value 2\n"), &difference{at: 6})
	want := `exchange 2 (kv.yaml:9): the reply differs, at byte 20 of the stream, byte 6 of this reply
  want "value 1\n"
  got  "value 2\n"
  - 0000000e  76 61 6c 75 65 20 31 0a                          |value 1.|
  + 0000000e  76 61 6c 75 65 20 32 0a                          |value 2.|`
	if m.Error() != want {
		t.Errorf("got\n%s\nwant\n%s", m, want)
	}
}

func TestMismatchElides(t *testing.T) {
	s := &Script{Steps: []Step{{}}}
	wanted := bytes.Repeat([]byte("0123456789abcdef"), 65536)
	got := bytes.Clone(wanted)
	got[500_000] = 0xff
	m := s.newMismatch(event.Server, 0, 0, Pattern{{SentBytes: wanted}}, got, &difference{at: 500_000})
	want := `exchange 1: the request differs, at byte 500000 of the stream, byte 500000 of this request
  want "0123456789abcdef0123456789abcdef01234567" … "0123456789abcdef" (1048576 bytes)
  got  "0123456789abcdef0123456789abcdef01234567" … "0123456789abcdef" (1048576 bytes)
  … 499984 bytes before
    0007a110  30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66  |0123456789abcdef|
  - 0007a120  30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66  |0123456789abcdef|
  + 0007a120  ff 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66  |.123456789abcdef|
    0007a130  30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66  |0123456789abcdef|
    0007a140  30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66  |0123456789abcdef|
    0007a150  30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66  |0123456789abcdef|
  … 548512 bytes after`
	if m.Error() != want {
		t.Errorf("got\n%s\nwant\n%s", m, want)
	}
}

func TestQuote(t *testing.T) {
	for in, want := range map[string]string{"a\n": `"a\n"`, "é": `"é"`, "\xff\"\x00": `"\xff\"\x00"`, "": `""`} {
		if got := quoteText([]byte(in)); got != want {
			t.Errorf("quote(%q) = %s, want %s", in, got, want)
		}
	}
}

func TestEnding(t *testing.T) {
	for _, c := range []struct {
		err  error
		want event.Ending
	}{
		{nil, event.Open}, {io.EOF, event.EOF}, {net.ErrClosed, event.Open}, {os.ErrDeadlineExceeded, event.Timeout},
		{&net.OpError{Err: os.NewSyscallError("read", syscall.ECONNRESET)}, event.Reset}, {syscall.EPIPE, event.BrokenPipe},
		{syscall.ETIMEDOUT, event.Timeout}, {syscall.ECONNREFUSED, event.Refused}, {fmt.Errorf("x: %w", syscall.EHOSTUNREACH), event.Unreachable},
		{errors.New("other"), event.Open},
	} {
		if got := endingOf(c.err); got != c.want {
			t.Errorf("ending(%v) = %q, want %q", c.err, got, c.want)
		}
	}
}

func TestMerge(t *testing.T) {
	for _, c := range []struct{ read, write, want event.Ending }{
		{event.EOF, event.Open, event.EOF}, {event.EOF, event.Reset, event.Reset}, {event.Reset, event.BrokenPipe, event.Reset},
		{event.EOF, event.BrokenPipe, event.BrokenPipe}, {event.Open, event.Open, event.Open}, {event.Timeout, event.Timeout, event.Timeout},
		{event.Open, event.Timeout, event.Timeout},
	} {
		if got := mergeEndings(c.read, c.write); got != c.want {
			t.Errorf("merge(%q, %q) = %q, want %q", c.read, c.write, got, c.want)
		}
	}
}

func TestMatcherDoesNotDependOnPieces(t *testing.T) {
	for _, c := range []struct{ file, stream string }{
		{"{dialogue: x, exchanges: [{expect: [{regex: '[a-z]+[0-9]'}, tail]}]}", "abc1tail"},
		{"{dialogue: x, framing: line, exchanges: [{expect: [{any: true}, \"b\\n\", {regex: c*}]}]}", "a\nb\nccc\n"},
		{`{dialogue: x, volatile: ['t=\d+', 'u=\d+;'], exchanges: [{expect: "t=1,u=22;end"}]}`, "t=123,u=4567;end"},
	} {
		s := script(t, c.file)
		for cut := range len(c.stream) {
			m := s.newMatcher(s.Steps[0].Expect, nil)
			if st := m.advanceMatch([]byte(c.stream[:cut]), false); st != undecided {
				t.Errorf("%s: after %d bytes: %d", c.file, cut, st)
			}
			if st := m.advanceMatch([]byte(c.stream+"more"), false); st != matched || m.at != len(c.stream) {
				t.Errorf("%s: cut at %d: %d, matched %d of %d, %+v", c.file, cut, st, m.at, len(c.stream), m.diff)
			}
		}
		wrong := strings.Replace(c.stream, c.stream[len(c.stream)-2:], "\x01\x01", 1)
		if m := s.newMatcher(s.Steps[0].Expect, nil); m.advanceMatch([]byte(wrong), true) == matched && m.at == len(wrong) {
			t.Errorf("%s: %q matched", c.file, wrong)
		}
	}
}

func TestDifference(t *testing.T) {
	got := DescribeDifference([]byte("HELLO\nWORLD\n"), []byte("HELLO\nWOR"))
	for _, want := range []string{"at byte 9 (9 bytes, want 12)", `want "HELLO\nWORLD\n"`, "- 00000000  48 45 4c 4c 4f 0a 57 4f 52 4c 44 0a", "+ 00000000  48 45 4c 4c 4f 0a 57 4f 52 "} {
		if !strings.Contains(got, want) {
			t.Errorf("got\n%s\nwant %q in it", got, want)
		}
	}
}
