package proxy

import (
	"context"
	"io"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/link"
	"github.com/sockharness/harness/harness/sock"
)

// A crossing is a proxy between two networks, with a server behind it.
type crossing struct {
	rig
	server net.Listener
}

// listenOn returns a listener of the network and its address.
func listenOn(t *testing.T, network string) (net.Listener, string) {
	t.Helper()
	if network == "tcp" {
		l := listen(t)
		return l, l.Addr().String()
	}
	path := filepath.Join(t.TempDir(), "upstream.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l, "unix:" + path
}

func newCrossing(t *testing.T, from, to string, change func(*Config)) *crossing {
	t.Helper()
	leakCheck(t)
	l, upstream := listenOn(t, to)
	cfg := Config{Name: "test", Listen: "127.0.0.1:0", Upstream: upstream}
	if from == "unix" {
		cfg.Listen = "unix:" + filepath.Join(t.TempDir(), "listen.sock")
	}
	x := &crossing{rig{t: t, log: event.NewLog(0)}, l}
	cfg.Events = x.log.AddEvent
	if change != nil {
		change(&cfg)
	}
	p, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	x.proxy = p
	return x
}

func (x *crossing) dial() (link.Conn, error) {
	d := net.Dialer{Timeout: bound}
	d.SetMultipathTCP(false)
	at := x.proxy.Addr()
	c, err := d.Dial(at.Network(), at.String())
	if err != nil {
		return nil, err
	}
	x.t.Cleanup(func() { _ = c.Close() })
	return c.(link.Conn), c.SetDeadline(time.Now().Add(bound))
}

func (x *crossing) mustDial() link.Conn {
	x.t.Helper()
	c, err := x.dial()
	if err != nil {
		x.t.Fatal(err)
	}
	return c
}

func (x *crossing) accept() link.Conn { return acceptFrom(x.t, x.server) }

func acceptFrom(t *testing.T, l net.Listener) link.Conn {
	t.Helper()
	if d, ok := l.(interface{ SetDeadline(time.Time) error }); ok {
		_ = d.SetDeadline(time.Now().Add(bound))
	}
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(bound))
	return c.(link.Conn)
}

func (x *crossing) pair() (client, server link.Conn) {
	x.t.Helper()
	client = x.mustDial()
	server = x.accept()
	x.wantLinks()
	return client, server
}

// wantLinks waits until the newest connection has its links.
func (x *crossing) wantLinks() {
	x.t.Helper()
	until(x.t, "the links are made", func() bool {
		open := x.proxy.OpenConnections()
		return len(open) > 0 && open[len(open)-1].Upstream != ""
	})
}

// crossings runs a test from and to unix sockets, for both directions.
func crossings(t *testing.T, change func(*Config), test func(t *testing.T, x *crossing, first, second link.Conn)) {
	for _, n := range [][2]string{{"unix", "unix"}, {"unix", "tcp"}, {"tcp", "unix"}} {
		t.Run(n[0]+" to "+n[1], func(t *testing.T) {
			x := newCrossing(t, n[0], n[1], change)
			client, server := x.pair()
			test(t, x, client, server)
		})
		t.Run(n[0]+" to "+n[1]+", backwards", func(t *testing.T) {
			x := newCrossing(t, n[0], n[1], change)
			client, server := x.pair()
			test(t, x, server, client)
		})
	}
}

func isUnix(c net.Conn) bool { return c.LocalAddr().Network() == "unix" }

// resetIt resets a connection as its network has it.
func resetIt(t *testing.T, c link.Conn) {
	t.Helper()
	if err := sock.ResetConn(c); err != nil && !isUnix(c) {
		t.Fatal(err)
	}
}

// drain reads n bytes and returns them.
func drain(t *testing.T, c net.Conn, n int) []byte {
	t.Helper()
	got := make([]byte, n)
	if m, err := io.ReadFull(c, got); err != nil {
		t.Fatalf("after %d of %d bytes: %v", m, n, err)
	}
	return got
}
