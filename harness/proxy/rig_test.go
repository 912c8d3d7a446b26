package proxy

import (
	"context"
	"errors"
	"io"
	"net"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/event"
)

// bound is how long a test waits for what must come.
const bound = 60 * time.Second

// A rig is a server, a proxy before it, and the log of the proxy.
type rig struct {
	t        *testing.T
	listener *net.TCPListener
	proxy    *Proxy
	log      *event.Log
}

func newRig(t *testing.T, change func(*Config)) *rig {
	t.Helper()
	leakCheck(t)
	l := listen(t)
	cfg := Config{Name: "test", Listen: "127.0.0.1:0", Upstream: l.Addr().String()}
	r := &rig{t: t, listener: l, log: event.NewLog(0)}
	cfg.Events = r.log.AddEvent
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
	r.proxy = p
	return r
}

func listen(t testing.TB) *net.TCPListener {
	t.Helper()
	var lc net.ListenConfig
	lc.SetMultipathTCP(false)
	l, err := lc.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.(*net.TCPListener)
}

func dial(t testing.TB, addr string) *net.TCPConn {
	t.Helper()
	c, err := tryDial(addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func tryDial(addr string) (*net.TCPConn, error) {
	d := net.Dialer{Timeout: bound}
	d.SetMultipathTCP(false)
	c, err := d.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	_ = c.SetDeadline(time.Now().Add(bound))
	return c.(*net.TCPConn), nil
}

// pair returns both ends of a proxied connection, whose links are made. (A server
// that resets before the proxy's connect has returned makes that fail.)
func (r *rig) pair() (client, server *net.TCPConn) {
	r.t.Helper()
	client = dial(r.t, r.proxy.Addr().String())
	server = r.accept()
	until(r.t, "the links are made", func() bool {
		for _, c := range r.proxy.OpenConnections() {
			if c.Client == client.LocalAddr().String() {
				return c.Upstream != ""
			}
		}
		return false
	})
	return client, server
}

func (r *rig) accept() *net.TCPConn {
	r.t.Helper()
	_ = r.listener.SetDeadline(time.Now().Add(bound))
	c, err := r.listener.AcceptTCP()
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(bound))
	return c
}

// wantEvent waits for an event.
func (r *rig) wantEvent(what string, match func(event.Event) bool) event.Event {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), bound)
	defer cancel()
	e, err := r.log.WaitEvent(ctx, match)
	if err != nil {
		r.t.Fatalf("no event %s in %+v", what, r.log.AllEvents())
	}
	return e
}

func (r *rig) wantClosed() {
	r.t.Helper()
	r.wantEvent("close", func(e event.Event) bool { return e.Kind == event.Close })
}

func wantRead(t *testing.T, c net.Conn, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if n, err := io.ReadFull(c, got); err != nil || string(got) != want {
		t.Fatalf("read %q, %v, want %q", got[:n], err, want)
	}
}

func send(t *testing.T, c net.Conn, data string) {
	t.Helper()
	if _, err := io.WriteString(c, data); err != nil {
		t.Fatalf("write: %v", err)
	}
}

// endingOf reads to the end and says how the stream ended.
func endingOf(c net.Conn) (data []byte, ending event.Ending) {
	data, err := io.ReadAll(c)
	return data, endingFor(err)
}

func endingFor(err error) event.Ending {
	switch {
	case err == nil:
		return event.EOF
	case errors.Is(err, syscall.ECONNRESET):
		return event.Reset
	case errors.Is(err, syscall.ECONNREFUSED):
		return event.Refused
	case errors.Is(err, syscall.EPIPE):
		return event.BrokenPipe
	}
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return event.Timeout
	}
	return event.Ending(err.Error())
}

func wantEnding(t *testing.T, c net.Conn, wantData string, want event.Ending) {
	t.Helper()
	data, got := endingOf(c)
	if got != want || string(data) != wantData {
		t.Errorf("read %d bytes %.40q and ending %q, want %d bytes %.40q and %q", len(data), data, got, len(wantData), wantData, want)
	}
}

func reset(t *testing.T, c *net.TCPConn) {
	t.Helper()
	if err := c.SetLinger(0); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
}

// leakCheck fails the test when goroutines are left at its end.
func leakCheck(t *testing.T) {
	t.Helper()
	before := runtime.NumGoroutine()
	t.Cleanup(func() {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for end := time.Now().Add(bound); runtime.NumGoroutine() > before; <-tick.C {
			if time.Now().After(end) {
				buf := make([]byte, 1<<20)
				buf = buf[:runtime.Stack(buf, true)]
				t.Fatalf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, strings.ReplaceAll(string(buf), "\n\n", "\n"))
			}
		}
	})
}
