package dialogue

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/sockharness/harness/harness/event"
)

func TestServerLine(t *testing.T) {
	got := ""
	p := asServer(t, within30(t), script(t, hello), Options{}, func(c *net.TCPConn) {
		for _, piece := range pieces("hello\na\n", true) {
			io.WriteString(c, piece)
		}
		got = readN(c, 8)
		c.CloseWrite()
		got += readAll(c)
	})
	if !p.OK() || p.Steps != 2 || p.Ending != event.EOF || string(p.Received) != "hello\na\n" || got != "HELLO\nA\n" {
		t.Errorf("%+v: %v; client got %q", p, p.Err(), got)
	}
}

// The reply leaves only after the client's FIN.
func TestServerHalfCloseInExchange(t *testing.T) {
	s := script(t, "{dialogue: digest, exchanges: [{send: hello, shutdown: write, expect: \"5\\n\"}]}")
	got := ""
	p := asServer(t, within30(t), s, Options{}, func(c *net.TCPConn) {
		io.WriteString(c, "hello")
		c.CloseWrite()
		got = readAll(c)
	})
	if !p.OK() || got != "5\n" {
		t.Errorf("%v; client got %q", p.Err(), got)
	}
}

// A readConn calls again when it is to read again after the first n bytes.
type readConn struct {
	*net.TCPConn
	n     int
	again func()
}

func (c *readConn) Read(b []byte) (int, error) {
	if c.n <= 0 {
		c.again()
	}
	n, err := c.TCPConn.Read(b)
	c.n -= n
	return n, err
}

func TestServerMissesHalfClose(t *testing.T) {
	s := script(t, "{dialogue: digest, exchanges: [{send: hello, shutdown: write, expect: \"5\\n\"}]}")
	ctx, cancel := context.WithCancel(within30(t))
	c, peer := pair(t)
	io.WriteString(c, "hello")
	p := s.PlayServer(ctx, &readConn{peer, 5, cancel}, Options{})
	if p.OK() || p.Ending != event.Timeout || p.Sent != 0 || !strings.Contains(p.Incomplete, "had not half-closed") {
		t.Errorf("%+v", p)
	}
}

func TestServerCloses(t *testing.T) {
	s := script(t, "{dialogue: page, framing: until-eof, exchanges: [{send: \"GET\\n\", expect: page}]}")
	got := ""
	p := asServer(t, within30(t), s, Options{}, func(c *net.TCPConn) {
		io.WriteString(c, "GET\n")
		got = readAll(c)
	})
	if !p.OK() || got != "page" || p.Ending != event.EOF {
		t.Errorf("%+v: %v; client got %q", p, p.Err(), got)
	}
}

func TestServerMismatchCloses(t *testing.T) {
	got := "?"
	p := asServer(t, within30(t), script(t, hello), Options{}, func(c *net.TCPConn) {
		io.WriteString(c, "help!\n")
		got = readAll(c)
	})
	if m := p.Mismatch; p.OK() || m == nil || m.Offset != 3 || m.Step != 0 || p.Sent != 0 || got != "" {
		t.Errorf("%+v; client got %q", p, got)
	} else if !strings.Contains(m.Error(), "the request differs") {
		t.Error(m)
	}
}

func TestServerExtraBytes(t *testing.T) {
	p := asServer(t, within30(t), script(t, hello), Options{}, func(c *net.TCPConn) {
		io.WriteString(c, "hello\na\nx")
		readAll(c)
	})
	if m := p.Mismatch; p.OK() || m == nil || m.Step != 2 || m.Offset != 8 {
		t.Errorf("%+v", p)
	}
}

func TestServerSeesReset(t *testing.T) {
	p := asServer(t, within30(t), script(t, hello), Options{}, func(c *net.TCPConn) {
		io.WriteString(c, "hello\n")
		readN(c, 6)
		reset(c)
	})
	if p.OK() || p.Ending != event.Reset || p.Steps != 1 || p.Mismatch != nil {
		t.Errorf("%+v", p)
	}
}

// A client that closes while the reply is under way.
func TestServerClientLeavesMidReply(t *testing.T) {
	s := script(t, "{dialogue: x, exchanges: [{send: a, expect: {repeat: x, times: 8388608}}]}")
	p := asServer(t, within30(t), s, Options{}, func(c *net.TCPConn) {
		io.WriteString(c, "a")
		readN(c, 1000)
		c.Close()
	})
	if p.OK() || p.Ending != event.Reset && p.Ending != event.BrokenPipe || p.Sent >= 8388608 {
		t.Errorf("read %q, write %q, sent %d", p.ReadEnding, p.WriteEnding, p.Sent)
	}
}

func TestServerVolatileRequest(t *testing.T) {
	s := script(t, `{dialogue: x, framing: line, volatile: ['id=\d+'], exchanges: [{send: "get id=1\n", expect: "ok\n"}]}`)
	p := asServer(t, within30(t), s, Options{}, func(c *net.TCPConn) {
		io.WriteString(c, "get id=98765\n")
		readN(c, 3)
	})
	if !p.OK() {
		t.Error(p.Err())
	}
}

func TestServerGreeting(t *testing.T) {
	s := script(t, `{dialogue: smtp, framing: {line: crlf}, greeting: {expect: "220 ready\r\n"}, exchanges: [{send: "QUIT\r\n", expect: "221 bye\r\n"}], end: server closes}`)
	got := ""
	p := asServer(t, within30(t), s, Options{}, func(c *net.TCPConn) {
		got = readN(c, 11)
		io.WriteString(c, "QUIT\r\n")
		got += readAll(c)
	})
	if !p.OK() || got != "220 ready\r\n221 bye\r\n" {
		t.Errorf("%v; client got %q", p.Err(), got)
	}
}

func TestServerNotPlayable(t *testing.T) {
	d, err := Parse("x.yaml", []byte("dialogue: x\nframing: line\nexchanges:\n  - expect: {any: true}\n  - expect: {regex: a}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if err := d.PlayableAs(event.Client); err != nil {
		t.Error(err)
	}
	err = d.PlayableAs(event.Server)
	if err == nil || !strings.HasPrefix(err.Error(), "x.yaml:4:13: a server cannot send a regex or any") || strings.Count(err.Error(), "\n") != 1 {
		t.Errorf("%v", err)
	}
	p := asServer(t, within30(t), script(t, "{dialogue: x, framing: line, exchanges: [{expect: {any: true}}]}"), Options{}, func(c *net.TCPConn) { readAll(c) })
	if p.OK() || p.Incomplete == "" {
		t.Errorf("%+v", p)
	}
}

// TestBeforeReply is called before each reply that has bytes, the greeting first.
func TestBeforeReply(t *testing.T) {
	s := script(t, `{dialogue: x, framing: line, greeting: "hi\n", exchanges: [{send: "a\n"}, {send: "b\n", expect: "B\n"}]}`)
	var before []int
	played := asServer(t, within30(t), s, Options{BeforeReply: func(i int) error { before = append(before, i); return nil }}, func(peer *net.TCPConn) {
		peer.Write([]byte("a\nb\n"))
		readN(peer, 5)
	})
	if !played.OK() || len(before) != 2 || before[0] != -1 || before[1] != 1 {
		t.Errorf("before %v: %v", before, played.Err())
	}
	refused := asServer(t, within30(t), s, Options{BeforeReply: func(int) error { return errors.New("not now") }}, func(peer *net.TCPConn) { readAll(peer) })
	if err := refused.Err(); err == nil || !strings.Contains(err.Error(), "not now") {
		t.Errorf("got %v", err)
	}
}
