package dialogue

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/event"
)

const hello = "{dialogue: hello, framing: line, exchanges: [{send: \"hello\\n\", expect: \"HELLO\\n\"}, {send: \"a\\n\", expect: \"A\\n\"}]}"

func TestClientLine(t *testing.T) {
	for _, pipelined := range []bool{false, true} {
		var steps []int
		p := asClient(t, within30(t), script(t, hello), Options{Pipelined: pipelined, AfterStep: func(i int) error { steps = append(steps, i); return nil }}, upper)
		if !p.OK() || p.Steps != 2 || p.Sent != 8 || string(p.Received) != "HELLO\nA\n" || p.Ending != event.EOF || len(steps) != 2 {
			t.Errorf("pipelined %v: %+v: %v, steps %v", pipelined, p, p.Err(), steps)
		}
	}
}

func TestClientFramings(t *testing.T) {
	for name, c := range map[string]struct{ file, request, reply string }{
		"crlf":         {"{dialogue: x, framing: {line: crlf}, exchanges: [{send: {message: \"a\\nb\"}, expect: [{any: true}, {message: c}]}]}", "a\nb\r\n", "zz\nz\r\nc\r\n"},
		"u8":           {"{dialogue: x, framing: {length-prefix: {bytes: 1}}, exchanges: [{send: {message: abc}, expect: {message: de}}]}", "\x03abc", "\x02de"},
		"u16 little":   {"{dialogue: x, framing: {length-prefix: {bytes: 2, order: little}}, exchanges: [{send: {message: abc}, expect: {any: true}}]}", "\x03\x00abc", "\x02\x00de"},
		"u32 header":   {"{dialogue: x, framing: {length-prefix: {bytes: 4, order: big, includes_header: true}}, exchanges: [{send: {message: abc}, expect: {regex: 'd.'}}]}", "\x00\x00\x00\x07abc", "\x00\x00\x00\x06de"},
		"u64":          {"{dialogue: x, framing: {length-prefix: {bytes: 8}}, exchanges: [{send: {message: {hex: '00 FF'}}, expect: {message: {hex: 'ff'}}}]}", "\x00\x00\x00\x00\x00\x00\x00\x02\x00\xff", "\x00\x00\x00\x00\x00\x00\x00\x01\xff"},
		"fixed":        {"{dialogue: x, framing: {fixed: 4}, exchanges: [{send: abcdefgh, expect: [{any: true}, efgh]}]}", "abcdefgh", "ABCDefgh"},
		"until-eof":    {"{dialogue: x, framing: until-eof, exchanges: [{send: \"GET\\n\", expect: {regex: 'a+'}}]}", "GET\n", "aaaa"},
		"none":         {"{dialogue: x, exchanges: [{send: abc, expect: [d, {base64: ZQ==}]}]}", "abc", "de"},
		"none, regex":  {"{dialogue: x, exchanges: [{send: abc, expect: {regex: '[0-9]+;'}}]}", "abc", "12345;"},
		"line, regex":  {"{dialogue: x, framing: line, exchanges: [{send: \"a\\n\", expect: [{regex: '250-.*'}, {regex: \"250 .*\\n\"}]}]}", "a\n", "250-x\n250 y\n"},
		"empty frame":  {"{dialogue: x, framing: {length-prefix: {bytes: 1}}, exchanges: [{send: {message: ''}, expect: [{message: ''}, {any: true}]}]}", "\x00", "\x00\x00"},
		"prompt":       {"{dialogue: x, framing: line, greeting: {expect: 'login: '}, exchanges: [{send: \"me\\n\", expect: \"hi\\n$ \"}]}", "me\n", "login: hi\n$ "},
		"repeat, list": {"{dialogue: x, framing: line, exchanges: [{send: {repeat: [a, {hex: '0a'}], times: 3}, expect: {repeat: \"b\\n\", times: 2}}]}", "a\na\na\n", "b\nb\n"},
	} {
		t.Run(name, func(t *testing.T) {
			s := script(t, c.file)
			for _, cut := range []bool{false, true} {
				got := ""
				p := asClient(t, within30(t), s, Options{}, func(conn *net.TCPConn) {
					reply := c.reply
					if len(s.Greeting) > 0 {
						b, _ := s.Greeting.LiteralBytes()
						io.WriteString(conn, reply[:len(b)])
						reply = reply[len(b):]
					}
					got = readN(conn, len(c.request))
					for _, piece := range pieces(reply, cut) {
						io.WriteString(conn, piece)
					}
					if s.End == ClientCloses {
						readAll(conn)
					}
				})
				if got != c.request || !p.OK() || string(p.Received) != c.reply {
					t.Errorf("cut %v: server got %q, client %q: %v", cut, got, p.Received, p.Err())
				}
			}
		})
	}
}

func pieces(s string, cut bool) []string {
	if cut {
		return strings.Split(s, "")
	}
	return []string{s}
}

func TestClientHalfClosesInExchange(t *testing.T) {
	s := script(t, "{dialogue: digest, exchanges: [{send: hello, shutdown: write, expect: \"5\\n\"}, {expect: bye}]}")
	for _, pipelined := range []bool{false, true} {
		got := ""
		p := asClient(t, within30(t), s, Options{Pipelined: pipelined}, func(c *net.TCPConn) {
			got = readAll(c)
			io.WriteString(c, "5\nbye")
		})
		if got != "hello" || !p.OK() || p.Steps != 2 {
			t.Errorf("pipelined %v: server read %q; %v", pipelined, got, p.Err())
		}
	}
}

func TestClientServerCloses(t *testing.T) {
	s := script(t, "{dialogue: quit, framing: line, exchanges: [{send: \"quit\\n\", expect: \"bye\\n\"}], end: server closes}")
	after := "?"
	p := asClient(t, within30(t), s, Options{}, func(c *net.TCPConn) {
		readN(c, 5)
		io.WriteString(c, "bye\n")
		c.CloseWrite()
		after = readAll(c)
	})
	if !p.OK() || p.Ending != event.EOF || after != "" {
		t.Errorf("%+v: %v; after %q", p, p.Err(), after)
	}
}

func TestClientSeesReset(t *testing.T) {
	s := script(t, "{dialogue: x, exchanges: [{send: abc, expect: '0123456789'}]}")
	p := asClient(t, within30(t), s, Options{}, func(c *net.TCPConn) {
		readN(c, 3)
		io.WriteString(c, "01234")
		reset(c)
	})
	if p.OK() || p.Ending != event.Reset || p.ReadEnding != event.Reset || p.Mismatch != nil || p.Steps != 0 || string(p.Received) != "01234" {
		t.Errorf("%+v", p)
	}
	if want := `exchange 1 (test.yaml:1): 5 of 10 bytes of the reply had arrived, then the stream ended with "reset"`; p.Incomplete != want {
		t.Errorf("incomplete: %s", p.Incomplete)
	}
}

// The error of a reset is reported once. When the writer gets it, the reader
// sees a clean EOF, and the ending is reset all the same.
func TestClientSeesResetOnEitherSide(t *testing.T) {
	s := script(t, "{dialogue: x, exchanges: [{send: {repeat: x, times: 8388608}, expect: ok}]}")
	for range 20 {
		p := asClient(t, within30(t), s, Options{}, func(c *net.TCPConn) {
			readN(c, 1000)
			reset(c)
		})
		if p.Ending != event.Reset || p.OK() || p.Sent >= 8388608 {
			t.Fatalf("read %q, write %q, merged %q, sent %d", p.ReadEnding, p.WriteEnding, p.Ending, p.Sent)
		}
	}
}

// A peer that vanished: FIN, then RST on what still arrives. Reads say EOF for
// ever; only writing shows it.
func TestClientSeesVanish(t *testing.T) {
	s := script(t, "{dialogue: x, exchanges: [{send: a, expect: b}, {send: {repeat: x, times: 8388608}}]}")
	p := asClient(t, within30(t), s, Options{}, func(c *net.TCPConn) {
		readN(c, 1)
		io.WriteString(c, "b")
		c.CloseWrite()
		readN(c, 1000)
		c.Close()
	})
	if p.Ending != event.BrokenPipe || p.WriteEnding != event.BrokenPipe || p.ReadEnding != event.EOF || p.OK() {
		t.Errorf("read %q, write %q, merged %q: %v", p.ReadEnding, p.WriteEnding, p.Ending, p.Err())
	}
}

func TestClientTruncatedReply(t *testing.T) {
	s := script(t, hello)
	p := asClient(t, within30(t), s, Options{}, func(c *net.TCPConn) {
		readN(c, 6)
		io.WriteString(c, "HEL")
	})
	if p.OK() || p.Ending != event.EOF || p.Mismatch != nil || !strings.Contains(p.Incomplete, "3 of 6 bytes") {
		t.Errorf("%+v", p)
	}
}

// The context ends once the peer is known to be silent, not after a time.
func TestClientTimeout(t *testing.T) {
	s := script(t, hello)
	ctx, cancel := context.WithCancel(within30(t))
	hold := make(chan struct{})
	c, peer := pair(t)
	go func() { readN(peer, 6); cancel(); <-hold }()
	p := s.PlayClient(ctx, c, Options{})
	close(hold)
	if p.OK() || p.Ending != event.Timeout || p.ReadEnding != event.Timeout || p.WriteEnding != event.Open || p.Incomplete == "" {
		t.Errorf("%+v", p)
	}
	if _, err := c.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the connection is still open: %v", err)
	}
}

// A peer that never reads and never writes blocks neither side of us.
func TestClientTimeoutBlockedWrite(t *testing.T) {
	s := script(t, "{dialogue: x, exchanges: [{send: {repeat: x, times: 8388608}, within: 50ms, expect: ok}]}")
	c, peer := pair(t)
	p := s.PlayClient(within30(t), c, Options{})
	if p.Ending != event.Timeout || p.WriteEnding != event.Timeout || p.Sent == 0 || p.Sent == 8388608 {
		t.Errorf("sent %d, read %q, write %q", p.Sent, p.ReadEnding, p.WriteEnding)
	}
	_ = peer
}

func TestClientWithin(t *testing.T) {
	s := script(t, "{dialogue: x, framing: line, exchanges: [{send: \"a\\n\", expect: \"b\\n\", within: 20ms}]}")
	c, _ := pair(t)
	p := s.PlayClient(within30(t), c, Options{})
	if p.Ending != event.Timeout || p.Incomplete == "" || p.Elapsed < 20*time.Millisecond {
		t.Errorf("%+v", p)
	}
}

func TestClientExtraBytes(t *testing.T) {
	p := asClient(t, within30(t), script(t, hello), Options{}, func(c *net.TCPConn) {
		upper(c)
		io.WriteString(c, "bye\n")
	})
	m := p.Mismatch
	if p.OK() || m == nil || m.Step != 2 || m.Offset != 8 || string(m.Got) != "bye\n" || string(p.Received) != "HELLO\nA\nbye\n" || p.Ending != event.EOF || p.Steps != 2 {
		t.Fatalf("%+v\n%v", p, m)
	}
	if !strings.Contains(m.Error(), "after the last exchange (test.yaml): 4 bytes that were not requested, at byte 8 of the stream") {
		t.Error(m)
	}
}

func TestClientMismatch(t *testing.T) {
	p := asClient(t, within30(t), script(t, hello), Options{}, func(c *net.TCPConn) {
		readN(c, 6)
		io.WriteString(c, "HELLO\n")
		readN(c, 2)
		io.WriteString(c, "B\nmore")
		readAll(c)
	})
	m := p.Mismatch
	if p.OK() || m == nil || m.Step != 1 || m.Offset != 6 || string(m.Got) != "B\nmore" || m.Want != `"A\n"` || m.Line != 1 || p.Steps != 1 {
		t.Fatalf("%+v\n%v", p, m)
	}
	var as *Mismatch
	if !errors.As(p.Err(), &as) {
		t.Errorf("Err is %T", p.Err())
	}
}

func TestClientBoundsWhatItKeeps(t *testing.T) {
	p := asClient(t, within30(t), script(t, "{dialogue: x, framing: line, exchanges: [{send: \"a\\n\", expect: {any: true}}]}"), Options{MaxReceive: 1000}, func(c *net.TCPConn) {
		for {
			if _, err := c.Write(make([]byte, 4096)); err != nil {
				return
			}
		}
	})
	if len(p.Received) != 1000 || p.Mismatch == nil || p.OK() {
		t.Errorf("%d bytes kept, %v", len(p.Received), p.Err())
	}
}

func TestClientNoEnd(t *testing.T) {
	s := script(t, hello)
	c, peer := pair(t)
	go upper(peer)
	p := s.PlayClient(within30(t), c, Options{NoEnd: true})
	if !p.OK() || p.Ending != event.Open || p.Steps != 2 {
		t.Fatalf("%+v: %v", p, p.Err())
	}
	if _, err := io.WriteString(c, "more\n"); err != nil {
		t.Fatal(err)
	}
	if got := readN(c, 5); got != "MORE\n" {
		t.Errorf("after the play the connection gives %q", got)
	}
}

func TestClientAfterStepError(t *testing.T) {
	stop := errors.New("enough")
	p := asClient(t, within30(t), script(t, hello), Options{AfterStep: func(int) error { return stop }}, upper)
	if p.OK() || p.Steps != 1 || !strings.Contains(p.Incomplete, "after exchange 1 (test.yaml:1): enough") {
		t.Errorf("%+v", p)
	}
}

// Both sides send a megabyte at once: a side that stops reading while it writes
// stops both forever.
func TestClientPipelinedMegabyte(t *testing.T) {
	s := script(t, "{dialogue: x, framing: line, exchanges: [{send: {message: {repeat: x, times: 1000000}}, expect: {message: {repeat: X, times: 1000000}}}, {send: {message: {repeat: y, times: 1000000}}, expect: {message: {repeat: Y, times: 1000000}}}]}")
	for _, pipelined := range []bool{false, true} {
		p := asClient(t, within30(t), s, Options{Pipelined: pipelined}, upper)
		if !p.OK() || len(p.Received) != 2000002 {
			t.Errorf("pipelined %v: %d bytes; %v", pipelined, len(p.Received), p.Err())
		}
	}
}

// A server that answers before it has read the request must not block us.
func TestClientEarlyReply(t *testing.T) {
	s := script(t, "{dialogue: x, exchanges: [{send: {repeat: x, times: 8388608}, expect: {repeat: y, times: 8388608}}]}")
	p := asClient(t, within30(t), s, Options{}, func(c *net.TCPConn) {
		io.WriteString(c, strings.Repeat("y", 8<<20))
		readAll(c)
	})
	if !p.OK() {
		t.Error(p.Err())
	}
}

func TestClientVolatile(t *testing.T) {
	for name, c := range map[string]struct {
		file, reply string
		ok          bool
	}{
		"line":              {`{dialogue: x, framing: line, volatile: ['[0-9]+ms'], exchanges: [{send: "a\n", expect: "took 12ms\nok\n"}]}`, "took 1234ms\nok\n", true},
		"line, other text":  {`{dialogue: x, framing: line, volatile: ['[0-9]+ms'], exchanges: [{send: "a\n", expect: "took 12ms\nok\n"}]}`, "takes 1234ms\nok\n", false},
		"line, other rest":  {`{dialogue: x, framing: line, volatile: ['[0-9]+ms'], exchanges: [{send: "a\n", expect: "took 12ms\nok\n"}]}`, "took 1234ms\nno\n", false},
		"line, none there":  {`{dialogue: x, framing: line, volatile: ['[0-9]+ms'], exchanges: [{send: "a\n", expect: "took 12ms\n"}]}`, "took \n", false},
		"prefix":            {`{dialogue: x, framing: {length-prefix: {bytes: 1}}, volatile: ['id=[0-9]+'], exchanges: [{send: {message: a}, expect: {message: "id=7"}}]}`, "\x06id=123", true},
		"headers":           {`{dialogue: x, volatile: ['Date: .*\r\n'], exchanges: [{send: "GET", expect: "HTTP/1.1 200 OK\r\nDate: Mon\r\nLength: 2\r\n\r\nhi"}]}`, "HTTP/1.1 200 OK\r\nDate: Tuesday\r\nLength: 2\r\n\r\nhi", true},
		"headers, wrong":    {`{dialogue: x, volatile: ['Date: .*\r\n'], exchanges: [{send: "GET", expect: "HTTP/1.1 200 OK\r\nDate: Mon\r\nLength: 2\r\n\r\nhi"}]}`, "HTTP/1.1 200 OK\r\nLength: 2\r\n\r\nhi", false},
		"at the end":        {`{dialogue: x, volatile: ['[0-9a-f]{4}'], exchanges: [{send: "GET", expect: "nonce=0000"}]}`, "nonce=beef", true},
		"at the end, wrong": {`{dialogue: x, volatile: ['[0-9a-f]{4}'], exchanges: [{send: "GET", expect: "nonce=0000"}]}`, "nonce=bexx", false},
		"until-eof":         {`{dialogue: x, framing: until-eof, volatile: ['[0-9]+'], exchanges: [{send: "GET", expect: "n=1;"}]}`, "n=12345;", true},
	} {
		t.Run(name, func(t *testing.T) {
			s := script(t, c.file)
			for _, cut := range []bool{false, true} {
				p := asClient(t, within30(t), s, Options{}, func(conn *net.TCPConn) {
					readN(conn, len(s.RequestBytes()))
					for _, piece := range pieces(c.reply, cut) {
						io.WriteString(conn, piece)
					}
					if s.End != ServerCloses {
						readAll(conn)
					}
				})
				if p.OK() != c.ok || (p.Mismatch == nil) != c.ok {
					t.Errorf("cut %v: OK %v, want %v: %v", cut, p.OK(), c.ok, p.Err())
				}
			}
		})
	}
}
