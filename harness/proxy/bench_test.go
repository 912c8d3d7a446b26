package proxy

import (
	"context"
	"io"
	"net"
	"testing"

	tp "github.com/Shopify/toxiproxy/v2/toxics"

	"github.com/sockharness/harness/harness/event"
)

// routes runs a benchmark directly, through a proxy, and through a proxy with a
// toxic that does nothing.
func routes(b *testing.B, serve func(net.Conn), run func(b *testing.B, addr string)) {
	l := listen(b)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go serve(c)
		}
	}()
	b.Run("direct", func(b *testing.B) { run(b, l.Addr().String()) })
	for name, toxics := range map[string][]Toxic{
		"proxy": nil,
		"noop": {
			{Name: "up", Toxic: &tp.NoopToxic{}, Direction: event.Upstream, Toxicity: 1},
			{Name: "down", Toxic: &tp.NoopToxic{}, Direction: event.Downstream, Toxicity: 1},
		},
	} {
		p, err := New(Config{Name: name, Listen: "127.0.0.1:0", Upstream: l.Addr().String(), Toxics: toxics})
		if err != nil {
			b.Fatal(err)
		}
		if err := p.Start(context.Background()); err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) { run(b, p.Addr().String()) })
		_ = p.Close()
	}
}

func echo(c net.Conn) {
	defer func() { _ = c.Close() }()
	_, _ = io.Copy(struct{ io.Writer }{c}, struct{ io.Reader }{c})
}

func discard(c net.Conn) {
	defer func() { _ = c.Close() }()
	buf := make([]byte, 256<<10)
	for {
		if _, err := c.Read(buf); err != nil {
			return
		}
	}
}

// BenchmarkRoundTrip is one byte there and back.
func BenchmarkRoundTrip(b *testing.B) {
	routes(b, echo, func(b *testing.B, addr string) {
		c := open(b, addr)
		buf := make([]byte, 1)
		for b.Loop() {
			_, _ = c.Write(buf)
			if _, err := io.ReadFull(c, buf); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkBulk is one megabyte of a stream in one direction.
func BenchmarkBulk(b *testing.B) {
	routes(b, discard, func(b *testing.B, addr string) {
		c := open(b, addr)
		buf := make([]byte, 1<<20)
		b.SetBytes(int64(len(buf)))
		for b.Loop() {
			if _, err := c.Write(buf); err != nil {
				b.Fatal(err)
			}
		}
		_ = c.CloseWrite()
		_, _ = io.Copy(io.Discard, c)
	})
}

// BenchmarkConnect is one connection with one byte there and back.
func BenchmarkConnect(b *testing.B) {
	routes(b, echo, func(b *testing.B, addr string) {
		buf := make([]byte, 1)
		for b.Loop() {
			c := open(b, addr)
			_, _ = c.Write(buf)
			if _, err := io.ReadFull(c, buf); err != nil {
				b.Fatal(err)
			}
			// A reset leaves no port in TIME_WAIT.
			_ = c.SetLinger(0)
			_ = c.Close()
		}
	})
}

func open(b *testing.B, addr string) *net.TCPConn {
	b.Helper()
	c, err := tryDial(addr)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = c.Close() })
	return c
}
