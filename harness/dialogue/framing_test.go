package dialogue

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"testing"
)

// framingOf reads a framing as a dialogue has it.
func framingOf(t testing.TB, text string) Framing {
	t.Helper()
	d := &Dialogue{Name: "x"}
	d.Exchanges = []Exchange{{ShutdownWrite: true}}
	if err := d.SetFraming(text); err != nil {
		t.Fatal(err)
	}
	return d.Framing
}

// measured are streams of messages: header, body and delimiter of each.
var measured = []struct {
	name, framing string
	stream        string
	messages      [][3]string
}{
	{"lf", "line", "a\nb\r\n", [][3]string{{"", "a", "\n"}, {"", "b\r", "\n"}}},
	{"crlf", "{line: crlf}", "a\nb\r\n\r\n", [][3]string{{"", "a\nb", "\r\n"}, {"", "", "\r\n"}}},
	{"either", "{line: either}", "a\nb\r\n\n\r\n", [][3]string{{"", "a", "\n"}, {"", "b", "\r\n"}, {"", "", "\n"}, {"", "", "\r\n"}}},
	{"three bytes", "{length-prefix: 3}", "\x00\x00\x02ab\x00\x00\x00", [][3]string{{"\x00\x00\x02", "ab", ""}, {"\x00\x00\x00", "", ""}}},
	{"five bytes, little", "{length-prefix: {bytes: 5, order: little}}", "\x01\x00\x00\x00\x00a", [][3]string{{"\x01\x00\x00\x00\x00", "a", ""}}},
	{"whole", "{length-prefix: {bytes: 2, counts: whole}}", "\x00\x03a\x00\x02", [][3]string{{"\x00\x03", "a", ""}, {"\x00\x02", "", ""}}},
	{"modbus", "modbus", "\x00\x01\x00\x00\x00\x06\x11\x03\x00\x6b\x00\x03", [][3]string{{"\x00\x01\x00\x00\x00\x06\x11", "\x03\x00\x6b\x00\x03", ""}}},
	{"mysql", "{length-prefix: {bytes: 3, order: little, header: 4}}", "\x02\x00\x00\x07ok", [][3]string{{"\x02\x00\x00\x07", "ok", ""}}},
	{"postgresql", "{length-prefix: {bytes: 4, offset: 1, counts: length-and-rest}}", "Z\x00\x00\x00\x05I", [][3]string{{"Z\x00\x00\x00\x05", "I", ""}}},
	{"memcached", "{length-prefix: {bytes: 4, offset: 8, header: 24}}", strings.Repeat("\x00", 8) + "\x00\x00\x00\x01" + strings.Repeat("\x00", 12) + "x",
		[][3]string{{strings.Repeat("\x00", 8) + "\x00\x00\x00\x01" + strings.Repeat("\x00", 12), "x", ""}}},
	{"mqtt", "mqtt", "\x30\x02ab\xc0\x00\x30\x80\x01" + strings.Repeat("x", 128), [][3]string{{"\x30\x02", "ab", ""}, {"\xc0\x00", "", ""}, {"\x30\x80\x01", strings.Repeat("x", 128), ""}}},
	{"protobuf", "{varint: {}}", "\x01a\x00", [][3]string{{"\x01", "a", ""}, {"\x00", "", ""}}},
	{"netstring", "netstring", "5:hello,0:,", [][3]string{{"5:", "hello", ","}, {"0:", "", ","}}},
	{"octet counting", `{ascii-length: {end: " "}}`, "3 abc1 x", [][3]string{{"3 ", "abc", ""}, {"1 ", "x", ""}}},
	{"four digits", "{ascii-length: 4}", "0002ab0000", [][3]string{{"0002", "ab", ""}, {"0000", "", ""}}},
	{"pkt-line", "{ascii-length: {digits: 4, base: 16, counts: whole}}", "000ahello\n", [][3]string{{"000a", "hello\n", ""}}},
	{"mllp", "mllp", "\x0bMSH|\r\x1c\r\x0b\x1cx\x1c\r", [][3]string{{"\x0b", "MSH|\r", "\x1c\r"}, {"\x0b", "\x1cx", "\x1c\r"}}},
	{"dot", `{markers: {end: "\r\n.\r\n"}}`, "a\r\nb\r\n.\r\n", [][3]string{{"", "a\r\nb", "\r\n.\r\n"}}},
	{"websocket", "websocket", "GET / HTTP/1.1\r\nA: b\r\n\r\n\x81\x02ab\x82\x7e\x00\x7e" + strings.Repeat("x", 126) + "\x81\x82\x01\x02\x03\x04\x60\x60",
		[][3]string{{"GET / HTTP/1.1\r\nA: b\r\n\r\n", "", ""}, {"\x81\x02", "ab", ""}, {"\x82\x7e\x00\x7e", strings.Repeat("x", 126), ""}, {"\x81\x82\x01\x02\x03\x04", "\x60\x60", ""}}},
	{"content-length", "content-length", "Content-Length: 2\r\n\r\n{}content-length:0\r\nA: b\r\n\r\n", [][3]string{{"Content-Length: 2\r\n\r\n", "{}", ""}, {"content-length:0\r\nA: b\r\n\r\n", "", ""}}},
	{"http requests", "http", "GET / HTTP/1.1\r\nHost: a\r\n\r\nPOST / HTTP/1.1\r\nContent-Length: 3, 3\r\n\r\nabc",
		[][3]string{{"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "", ""}, {"POST / HTTP/1.1\r\nContent-Length: 3, 3\r\n\r\n", "abc", ""}}},
	{"http answers", "http", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No\r\nContent-Length: 9\r\n\r\nHTTP/1.1 304 Same\r\nContent-Length: 9\r\n\r\nHTTP/1.1 200 OK\nContent-Length: 1\n\nx",
		[][3]string{{"HTTP/1.1 100 Continue\r\n\r\n", "", ""}, {"HTTP/1.1 204 No\r\nContent-Length: 9\r\n\r\n", "", ""}, {"HTTP/1.1 304 Same\r\nContent-Length: 9\r\n\r\n", "", ""}, {"HTTP/1.1 200 OK\nContent-Length: 1\n\n", "x", ""}}},
	{"http chunks", "http", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n2;a=b\r\nab\r\n1\r\nc\r\n0\r\nETag: x\r\n\r\nHTTP/1.1 204 No\r\n\r\n",
		[][3]string{{"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n", "2;a=b\r\nab\r\n1\r\nc\r\n", "0\r\nETag: x\r\n\r\n"}, {"HTTP/1.1 204 No\r\n\r\n", "", ""}}},
	{"resp", "resp", "+OK\r\n$5\r\nhello\r\n$-1\r\n$0\r\n\r\n*2\r\n:1\r\n*1\r\n$1\r\na\r\n*-1\r\n*0\r\nPING\r\nPING\n%1\r\n+a\r\n_\r\n|1\r\n+k\r\n+v\r\n#t\r\n",
		[][3]string{{"+", "OK", "\r\n"}, {"$5\r\n", "hello", "\r\n"}, {"$", "-1", "\r\n"}, {"$0\r\n", "", "\r\n"}, {"*2\r\n", ":1\r\n*1\r\n$1\r\na", "\r\n"}, {"*", "-1", "\r\n"}, {"*", "0", "\r\n"},
			{"", "PING", "\r\n"}, {"", "PING", "\n"}, {"%1\r\n", "+a\r\n_", "\r\n"}, {"|1\r\n", "+k\r\n+v\r\n#t", "\r\n"}}},
}

func TestFramingMeasuresMessages(t *testing.T) {
	for _, tt := range measured {
		t.Run(tt.name, func(t *testing.T) {
			f, rest := framingOf(t, tt.framing), []byte(tt.stream)
			for i, want := range tt.messages {
				s, ok, err := f.measureFirst(rest, nil, false)
				if err != nil || !ok {
					t.Fatalf("message %d of %q: whole %v, %v", i, rest, ok, err)
				}
				got := [3]string{string(rest[:s.header]), string(rest[s.header : s.header+s.body]), string(rest[s.header+s.body : s.totalSize()])}
				if got != want {
					t.Fatalf("message %d: got %q, want %q", i, got, want)
				}
				rest = rest[s.totalSize():]
			}
			if len(rest) > 0 {
				t.Errorf("left over: %q", rest)
			}
		})
	}
}

// TestFramingWaitsForWholeMessages gives each message byte by byte: no beginning of it
// is whole, and none is wrong.
func TestFramingWaitsForWholeMessages(t *testing.T) {
	for _, tt := range measured {
		t.Run(tt.name, func(t *testing.T) {
			f := framingOf(t, tt.framing)
			for _, parts := range tt.messages {
				message, p := []byte(parts[0]+parts[1]+parts[2]), &progress{}
				for n := range len(message) {
					if s, ok, err := f.measureFirst(message[:n], p, false); ok || err != nil {
						t.Fatalf("%d bytes of %q: %+v, whole %v, %v", n, message, s, ok, err)
					}
				}
				if s, ok, err := f.measureFirst(message, p, false); !ok || err != nil || s.totalSize() != len(message) {
					t.Fatalf("%q: %+v, whole %v, %v", message, s, ok, err)
				}
			}
		})
	}
}

func TestFramingRefusesWhatIsNoMessage(t *testing.T) {
	for _, tt := range []struct{ framing, bytes, want string }{
		{"{length-prefix: {bytes: 8}}", "\xff\xff\xff\xff\xff\xff\xff\xff", "says 18446744073709551615 bytes"},
		{"{length-prefix: {bytes: 8, counts: rest, header: 10}}", "\x00\x00\x00\x00\x00\x00\x00\x01", "less than the 2 bytes"},
		{"{length-prefix: {bytes: 8, counts: whole}}", "\x00\x00\x00\x00\x00\x00\x00\x07", "less than the prefix itself"},
		{"{length-prefix: {bytes: 4, max: 3}}", "\x00\x00\x00\x04", "more than the 3 allowed"},
		{"mqtt", "\x30\xff\xff\xff\xff", "more than 4 bytes"},
		{"{varint: {}}", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f", "more than 10 bytes"},
		{"{varint: {}}", "\xff\xff\xff\xff\xff\xff\xff\xff\x7f", "allowed"},
		{"netstring", "x", "a digit must be"},
		{"netstring", "-1:", "a digit must be"},
		{"netstring", "+1:", "a digit must be"},
		{"netstring", "1;", `not by ":"`},
		{"netstring", "1:ab", `not followed by ","`},
		{"netstring", "99999999999999999999:", "no number that fits"},
		{"netstring", "999999999999999999999", "more than 20 digits"},
		{"{ascii-length: 4}", " 12x", "a digit must be"},
		{"{ascii-length: {digits: 4, base: 16, counts: whole}}", "0000", "less than its own digits"},
		{"mllp", "\x0ax", "does not begin with"},
		{"websocket", "\x81\x7f\xff\xff\xff\xff\xff\xff\xff\xff", "allowed"},
		{"content-length", "A: b\r\n\r\n", "no Content-Length"},
		{"http", "\x16\x03\x01", "no line of HTTP/1"},
		{"http", "hello\r\n", "no line of HTTP/1"},
		{"http", "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "two lengths, 1 and 2"},
		{"http", "POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", `"-1" is no number`},
		{"http", "POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n", "no number that fits"},
		{"http", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", "no size of a chunk"},
		{"http", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n", "no size of a chunk that fits"},
		{"http", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc", "not by a line end"},
		{"http", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + strings.Repeat("1", longestChunkLine+1), "has no line end"},
		{"resp", "$99999999999\r\n", "no length that fits"},
		{"resp", "$-2\r\n", "no length that fits"},
		{"resp", "$1\r\nabc", "not followed by CR LF"},
		{"resp", "*1\r\nPING\r\n", "begins no value"},
		{"resp", "*2147483647\r\n", "holds more than"},
		{"resp", "*?\r\n", "unknown length"},
		{"resp", ":1\n", "ends with LF"},
		{"resp", "\x00", "begins no value"},
	} {
		_, ok, err := framingOf(t, tt.framing).measureFirst([]byte(tt.bytes), nil, false)
		if ok || err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s %.60q: whole %v, got %v, want an error with %q", tt.framing, tt.bytes, ok, err, tt.want)
		}
	}
}

// TestFramingWritesWhatItMeasures frames bodies and finds them again.
func TestFramingWritesWhatItMeasures(t *testing.T) {
	bodies := []string{"", "a", "hello", strings.Repeat("x", 125), strings.Repeat("y", 126), strings.Repeat("z", 70000), "0", "a\x00b\x0b"}
	for _, tt := range []struct{ framing, head string }{
		{"line", ""}, {"{line: either}", ""}, {"{length-prefix: 3}", ""}, {"modbus", "\x00\x01\x00\x00\x11"}, {"{length-prefix: {bytes: 3, order: little, header: 4}}", "\x00"},
		{"{length-prefix: {bytes: 4, offset: 1, counts: length-and-rest}}", "Q"}, {"{length-prefix: {bytes: 4, counts: whole}}", ""},
		{"mqtt", "\x30"}, {"{varint: {}}", ""}, {"netstring", ""}, {"{ascii-length: 6}", ""}, {"{ascii-length: {digits: 6, base: 16, counts: whole}}", ""}, {"mllp", ""},
		{"websocket", ""}, {"websocket", "\x82"}, {"content-length", ""}, {"content-length", "A: b\r\n"},
		{"http", "POST / HTTP/1.1\r\nHost: a\r\n"}, {"http", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"}, {"resp", ""},
	} {
		var head []byte
		if tt.head != "" {
			head = []byte(tt.head)
		}
		for _, f := range []Framing{framingOf(t, tt.framing), framingOf(t, tt.framing).FromClient()} {
			for _, body := range bodies {
				message, err := f.FrameWith(head, []byte(body))
				if len(body) > 65000 && f.Kind == LengthPrefix && f.Bytes == 2 && err != nil {
					continue
				}
				if err != nil {
					t.Fatalf("%s: %v", tt.framing, err)
				}
				got, size, ok, err := f.FirstMessage(append(message, message...), false)
				if err != nil || !ok || size != len(message) || string(got) != body {
					t.Fatalf("%s: %.60q of %d bytes: got %.60q, size %d, whole %v, %v", tt.framing, message, len(message), got, size, ok, err)
				}
				again, err := f.FrameLike(message, []byte(body))
				if err != nil || !bytes.Equal(again, message) {
					t.Fatalf("%s: like %.60q: got %.60q, %v", tt.framing, message, again, err)
				}
			}
		}
	}
}

// A request that is sent in two steps is one, and its answer has no body.
func TestHeadInTwoPieces(t *testing.T) {
	s := script(t, "{dialogue: x, framing: http, exchanges: [{send: \"HEAD / HTTP/1.1\\r\\n\\r\\n\", expect: {any: true}}, {send: \"GET / HTTP/1.1\\r\\n\\r\\n\", expect: {regex: ab}}]}")
	whole := s.Steps[0]
	s.Steps = []Step{{Send: whole.Send[:3]}, {Send: whole.Send[3:], Expect: whole.Expect}, s.Steps[1]}
	const head = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"
	for step, answer := range []string{"", head, head + "ab"} {
		if n, match := s.MatchReply(step, []byte(answer), false); match != ReplyMatched || n != len(answer) {
			t.Errorf("step %d: %d of %d bytes, %d", step, n, len(answer), match)
		}
	}
}

func TestFramingKeepsTheLineEndOfTheExample(t *testing.T) {
	f := framingOf(t, "{line: either}")
	for _, example := range []string{"a\n", "a\r\n"} {
		want := "bc" + example[1:]
		if got, err := f.FrameLike([]byte(example), []byte("bc")); err != nil || string(got) != want {
			t.Errorf("like %q: got %q, %v, want %q", example, got, err, want)
		}
	}
}

func TestFramingKnowsWhichAnswerHasNoBody(t *testing.T) {
	f := framingOf(t, "http").AnsweringTo([]byte("GET / HTTP/1.1\r\n\r\nHEAD / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n"))
	answers := []string{"HTTP/1.1 103 Early Hints\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\ncd"}
	rest := []byte(strings.Join(answers, ""))
	for _, want := range answers {
		s, ok, err := f.measureFirst(rest, nil, false)
		if err != nil || !ok || string(rest[:s.totalSize()]) != want {
			t.Fatalf("got %+v, whole %v, %v at %q, want %q", s, ok, err, rest, want)
		}
		f, rest = f.after(rest[:s.totalSize()]), rest[s.totalSize():]
	}
}

// A length that nothing follows is told in the report.
func TestWhatALengthSaysIsTold(t *testing.T) {
	s := script(t, "{dialogue: x, framing: netstring, exchanges: [{send: '1:a,', expect: {any: true}}]}")
	p := asClient(t, within30(t), s, Options{}, func(c *net.TCPConn) {
		io.ReadFull(c, make([]byte, 4))
		io.WriteString(c, "9:abc")
	})
	if want := "5 of 12 bytes of the reply, as its length says, had arrived"; !strings.Contains(p.Incomplete, want) {
		t.Errorf("got %q, want %q", p.Incomplete, want)
	}
}

// fuzzed are the framings that the fuzzer draws from.
var fuzzed = []string{"line", "{line: either}", "{length-prefix: {bytes: 7, offset: 2, header: 11, counts: rest}}", "{length-prefix: {bytes: 8, counts: length-and-rest}}", "mqtt", "{varint: {}}",
	"netstring", "{ascii-length: {digits: 20, base: 16}}", "{ascii-length: {digits: 4, base: 16, counts: whole}}", "mllp", `{markers: {end: "aab"}}`, "websocket", "content-length", "http", "resp"}

// FuzzFraming measures bytes whole and in pieces: the same is found, the parts lie
// within the bytes, and a message that is whole stays what it is when more follows.
func FuzzFraming(f *testing.F) {
	for i, text := range fuzzed {
		for _, tt := range measured {
			if tt.framing == text {
				f.Add(byte(i), []byte(tt.stream))
			}
		}
		f.Add(byte(i), []byte(text))
	}
	f.Fuzz(func(t *testing.T, which byte, b []byte) {
		framing := framingOf(t, fuzzed[int(which)%len(fuzzed)])
		for _, eof := range []bool{false, true} {
			s, ok, err := framing.measureFirst(b, nil, eof)
			if ok && err != nil || ok && (s.header < 0 || s.body < 0 || s.delimiter < 0 || s.totalSize() > len(b)) {
				t.Fatalf("%+v of %d bytes, whole %v, %v", s, len(b), ok, err)
			}
			if ok {
				framing.bodyOf(b[:s.totalSize()], s)
			}
		}
		whole, ok, err := framing.measureFirst(b, nil, false)
		p, r := &progress{}, rand.New(rand.NewPCG(1, uint64(len(b))))
		for n := 0; n <= len(b); n += 1 + r.IntN(1+len(b)/64) {
			s, done, bad := framing.measureFirst(b[:n], p, false)
			if bad != nil && (err == nil || ok) {
				t.Fatalf("%d bytes are wrong (%v), %d bytes are not", n, bad, len(b))
			}
			if done {
				if !ok || s != whole {
					t.Fatalf("%d bytes: %+v; %d bytes: %+v, whole %v", n, s, len(b), whole, ok)
				}
				break
			}
			if bad != nil {
				break
			}
		}
		script := &Script{Framing: framing, Steps: []Step{{Send: b, Expect: Pattern{{SentBytes: b}}}}}
		at := int64(0)
		for _, part := range script.ReplyParts() {
			if part.From != at || part.To <= at {
				t.Fatalf("part %+v at %d", part, at)
			}
			at = part.To
		}
		if at != int64(len(b)) {
			t.Fatalf("the parts end at %d of %d", at, len(b))
		}
	})
}

func TestFramingErrorsOfAFile(t *testing.T) {
	for _, tt := range []struct{ framing, want string }{
		{"htpp", `f.yaml:2:10: "htpp" is not allowed here, did you mean "http"?`},
		{"{lenght-prefix: 4}", `f.yaml:2:11: unknown key "lenght-prefix", did you mean "length-prefix"?`},
		{"{length-prefix: {bytes: 2, ofset: 1}}", `f.yaml:2:37: unknown key "ofset", did you mean "offset"?`},
		{"{length-prefix: {bytes: 2, offset: 1, header: 2}}", "f.yaml:2:56: the header has 2 bytes, and the length in it ends at byte 3"},
		{"{length-prefix: {bytes: 2, counts: body}}", `f.yaml:2:45: "body" is not allowed here`},
		{"{length-prefix: {bytes: 2, counts: whole, includes_header: true}}", "delete includes_header"},
		{"{varint: {bytes: 11}}", "f.yaml:2:27: 11 is out of range"},
		{"{markers: {start: a}}", `f.yaml:2:20: key "end" is missing`},
		{"{markers: {end: ''}}", "f.yaml:2:26: the marker has no bytes"},
		{"{markers: {end: {random: 4}}}", "f.yaml:2:26: the marker has no bytes"},
		{"{ascii-length: {}}", "nothing says where the digits end"},
		{"{ascii-length: {digits: 4, end: x}}", "nothing says where the digits end"},
		{"{ascii-length: {end: x, counts: whole}}", "cannot count them"},
		{"{ascii-length: {end: a, base: 16}}", `cannot be ended by "a"`},
		{"{ascii-length: {end: x, base: 12}}", "digits of base 12"},
		{"varint", "the varint framing has no place"},
		{"{line: cr}", `"cr" is not allowed here`},
	} {
		_, err := Parse("f.yaml", []byte("dialogue: x\nframing: "+tt.framing+"\nexchanges: [{send: a}]"))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", tt.framing, err, tt.want)
		}
	}
}

func TestMessagesOfFramings(t *testing.T) {
	for _, tt := range []struct{ framing, send, want, wrong string }{
		{"resp", "{command: [SET, a, 1, {hex: ff}]}", "*4\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n$1\r\n\xff\r\n", ""},
		{"resp", "{command: []}", "", "a command without words"},
		{"line", "{command: [PING]}", "", "a command is one of framing resp"},
		{"modbus", "{message: {hex: 03006b0003}, header: {hex: 0001000011}}", "\x00\x01\x00\x00\x00\x06\x11\x03\x00\x6b\x00\x03", ""},
		{"modbus", "{message: {hex: 03006b0003}}", "", "the header has 5 bytes besides the length: write {message: …, header: …}"},
		{"modbus", "{message: a, header: {hex: 00}}", "", "the header has 1 byte, but the framing has 5"},
		{"mqtt", "{message: {hex: ''}, header: {hex: c0}}", "\xc0\x00", ""},
		{"line", "{message: a, header: b}", "", "a message of framing line has no header to write"},
		{"http", `{message: hello, header: "POST / HTTP/1.1\r\nHost: a\r\n"}`, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", ""},
		{"http", `{message: hello, header: "POST / HTTP/1.1\nTransfer-Encoding: chunked\n"}`, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", ""},
		{"http", "{message: hello}", "", "the head is missing"},
		{"http", `{message: hello, header: "POST / HTTP/1.1\r\nContent-Length: 5\r\n"}`, "", "which harness adds"},
		{"content-length", "{message: '{}'}", "Content-Length: 2\r\n\r\n{}", ""},
		{"websocket", "{message: ab}", "\x81\x82\x37\xfa\x21\x3d\x56\x98", ""},
		{"netstring", "{message: ab}", "2:ab,", ""},
		{"netstring", "2:ab", "", "not complete"},
		{"mllp", "{message: ab}", "\x0bab\x1c\r", ""},
		{"{line: either}", `{message: "a\r"}`, "", "the message ends with CR"},
		{"{markers: {end: aba}}", "{message: xab}", "", "have a delimiter at byte 1"},
	} {
		d, err := Parse("f.yaml", fmt.Appendf(nil, "dialogue: x\nframing: %s\nexchanges: [{send: %s}]", tt.framing, tt.send))
		if tt.wrong != "" {
			if err == nil || !strings.Contains(err.Error(), tt.wrong) {
				t.Errorf("%s %s: got %v, want %q", tt.framing, tt.send, err, tt.wrong)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s %s: %v", tt.framing, tt.send, err)
			continue
		}
		s, err := d.ResolveScript(seedOne)
		if err != nil || string(s.Steps[0].Send) != tt.want {
			t.Errorf("%s %s: got %q, %v, want %q", tt.framing, tt.send, s.Steps[0].Send, err, tt.want)
		}
	}
}

func TestAnswersThatEndWithTheStream(t *testing.T) {
	const text = "dialogue: x\nframing: http\nexchanges:\n  - {send: \"GET / HTTP/1.0\\r\\n\\r\\n\", expect: \"HTTP/1.0 200 OK\\r\\n\\r\\nhello\"}\n"
	d, err := Parse("f.yaml", []byte(text))
	if err != nil || d.End != ServerCloses {
		t.Errorf("end %v, %v", d, err)
	}
	if _, err = Parse("f.yaml", []byte(text+"end: client closes\n")); err == nil || !strings.Contains(err.Error(), `f.yaml:5:6: the last answer has no Content-Length and no chunks`) {
		t.Errorf("got %v", err)
	}
	if _, err = Parse("f.yaml", []byte(text+"  - {send: \"GET / HTTP/1.0\\r\\n\\r\\n\"}\n")); err == nil || !strings.Contains(err.Error(), "another exchange follows") {
		t.Errorf("got %v", err)
	}
	head, err := Parse("f.yaml", []byte("{dialogue: x, framing: http, exchanges: [{send: \"HEAD / HTTP/1.1\\r\\n\\r\\n\", expect: \"HTTP/1.1 200 OK\\r\\n\\r\\n\"}, {send: \"HEAD / HTTP/1.1\\r\\n\\r\\n\", expect: {any: true}}]}"))
	if err != nil || head.End != ClientCloses {
		t.Errorf("HEAD: %v", err)
	}
}

func TestFramingNamesAreKnown(t *testing.T) {
	for _, name := range FramingNames() {
		framingOf(t, name)
	}
	if !slices.Contains(FramingNames(), "modbus") {
		t.Error("modbus is missing")
	}
}
