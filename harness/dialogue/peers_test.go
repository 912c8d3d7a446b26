package dialogue

import (
	"bufio"
	"context"
	"io"
	"net"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/seed"
)

// bound is long enough for any machine; no test waits for it to be over.
const bound = 30 * time.Second

var seedOne = seed.New(1)

func script(t testing.TB, text string) *Script {
	t.Helper()
	d, err := Parse("test.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	s, err := d.ResolveScript(seed.New(1))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// pair returns the two ends of a connection over loopback.
func pair(t testing.TB) (client, server *net.TCPConn) {
	t.Helper()
	var config net.ListenConfig
	config.SetMultipathTCP(false)
	l, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var dialer net.Dialer
	dialer.SetMultipathTCP(false)
	c, err := dialer.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	s, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); s.Close() })
	return c.(*net.TCPConn), s.(*net.TCPConn)
}

func within30(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), bound)
	t.Cleanup(cancel)
	return ctx
}

// asClient plays s against a server written by hand, which owns its end.
func asClient(t testing.TB, ctx context.Context, s *Script, o Options, server func(*net.TCPConn)) Played {
	t.Helper()
	c, peer := pair(t)
	done := make(chan struct{})
	go func() { defer close(done); defer peer.Close(); server(peer) }()
	p := s.PlayClient(ctx, c, o)
	if !o.NoEnd {
		<-done
	}
	return p
}

// asServer plays s against a client written by hand, which owns its end.
func asServer(t testing.TB, ctx context.Context, s *Script, o Options, client func(*net.TCPConn)) Played {
	t.Helper()
	peer, c := pair(t)
	done := make(chan struct{})
	go func() { defer close(done); defer peer.Close(); client(peer) }()
	p := s.PlayServer(ctx, c, o)
	<-done
	return p
}

func readN(c net.Conn, n int) string {
	b := make([]byte, n)
	n, _ = io.ReadFull(c, b)
	return string(b[:n])
}

func readAll(c net.Conn) string {
	b, _ := io.ReadAll(c)
	return string(b)
}

func reset(c *net.TCPConn) {
	_ = c.SetLinger(0)
	c.Close()
}

// upper answers each line in capitals until EOF.
func upper(c *net.TCPConn) {
	r := bufio.NewReader(c)
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		b := []byte(line)
		for i := range b {
			if b[i] >= 'a' && b[i] <= 'z' {
				b[i] -= 'a' - 'A'
			}
		}
		if _, err := c.Write(b); err != nil {
			return
		}
	}
}
