package ui_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/api"
	"github.com/sockharness/harness/harness/ui"
)

// bound is how long a test waits for what must come.
const bound = 90 * time.Second

// A daemon is one with its page, which can be stopped and started again on its port.
type daemon struct {
	t       *testing.T
	address string
	stop    func()
}

func startDaemon(t *testing.T, address, token string) *daemon {
	t.Helper()
	var lc net.ListenConfig
	lc.SetMultipathTCP(false)
	var l net.Listener
	until(t, "the port is free", func() (err error) {
		l, err = lc.Listen(t.Context(), "tcp", address)
		return err
	})
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan struct{})
	d := api.New(api.Config{Guard: api.Guard{Page: token}})
	go func() {
		defer close(over)
		_ = d.Serve(ctx, l, d)
	}()
	stop := sync.OnceFunc(func() { cancel(); <-over })
	t.Cleanup(stop)
	return &daemon{t, l.Addr().String(), stop}
}

func (d *daemon) link(token string) string { return ui.Link(d.address, token) }

// call sends a request and returns the answer.
func (d *daemon) call(method, path, body string) string {
	d.t.Helper()
	r, err := http.NewRequest(method, "http://"+d.address+path, strings.NewReader(body))
	if err != nil {
		d.t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		d.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode >= 300 {
		d.t.Fatalf("%s %s: %d %s, %v", method, path, response.StatusCode, text, err)
	}
	return string(text)
}

// newProxy makes a proxy before the listener, and returns its address.
func (d *daemon) newProxy(name string, to net.Listener) string {
	d.t.Helper()
	var made struct{ Listen string }
	answer := d.call("POST", "/proxies", `{"name":"`+name+`","listen":"127.0.0.1:0","upstream":"`+to.Addr().String()+`"}`)
	if err := json.Unmarshal([]byte(answer), &made); err != nil {
		d.t.Fatal(err)
	}
	return made.Listen
}

func listen(t *testing.T) *net.TCPListener {
	t.Helper()
	var lc net.ListenConfig
	lc.SetMultipathTCP(false)
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.(*net.TCPListener)
}

// connect returns both ends of a proxied connection.
func connect(t *testing.T, address string, l *net.TCPListener) (client, server *net.TCPConn) {
	t.Helper()
	d := net.Dialer{Timeout: bound}
	d.SetMultipathTCP(false)
	c, err := d.DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	_ = l.SetDeadline(time.Now().Add(bound))
	s, err := l.AcceptTCP()
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range []net.Conn{c, s} {
		_ = one.SetDeadline(time.Now().Add(2 * bound))
		t.Cleanup(func() { _ = one.Close() })
	}
	return c.(*net.TCPConn), s
}

func write(t *testing.T, c net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
}

func wantRead(t *testing.T, c net.Conn, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if n, err := io.ReadFull(c, got); err != nil || string(got) != want {
		t.Fatalf("read %q, %v, want %q", got[:n], err, want)
	}
}

// wantEnd reads to the end, which must be a reset or not.
func wantEnd(t *testing.T, c net.Conn, want string, reset bool) {
	t.Helper()
	got, err := io.ReadAll(c)
	if string(got) != want || errors.Is(err, syscall.ECONNRESET) != reset || !reset && err != nil {
		t.Errorf("read %q, %v, want %q and reset %t", got, err, want, reset)
	}
}

func until(t *testing.T, what string, reached func() error) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(bound); ; <-tick.C {
		err := reached()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("never came: %s: %v", what, err)
		}
	}
}
