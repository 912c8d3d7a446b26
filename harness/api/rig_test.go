package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/peer"
)

// bound is how long a test waits for what must come.
const bound = 20 * time.Second

// serve runs a daemon and returns it with its base URL.
func serve(t testing.TB, cfg Config) (*Daemon, string) {
	t.Helper()
	d := New(cfg)
	l := listen(t)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- d.Serve(ctx, l, d) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return d, "http://" + l.Addr().String()
}

// original runs Toxiproxy's own server and returns its base URL; "" when it was
// not built.
func original(t testing.TB, flags ...string) string {
	t.Helper()
	path, err := filepath.Abs("../../bin/toxiproxy-server")
	if err == nil {
		_, err = os.Stat(path)
	}
	if err != nil {
		t.Log("NOT PROVEN against the original: bin/toxiproxy-server is missing; make bin/toxiproxy-server")
		return ""
	}
	addr := freeAddr(t)
	host, port, _ := net.SplitHostPort(addr)
	cmd := exec.Command(path, append([]string{"-host", host, "-port", port}, flags...)...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	until(t, "the original answers", func() bool {
		r, err := http.Get("http://" + addr + "/version")
		if err == nil {
			_ = r.Body.Close()
		}
		return err == nil
	})
	return "http://" + addr
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

// freeAddr returns an address that nobody listens on.
func freeAddr(t testing.TB) string {
	t.Helper()
	port, release, err := peer.FreePort("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(release)
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
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

func accept(t testing.TB, l *net.TCPListener) *net.TCPConn {
	t.Helper()
	_ = l.SetDeadline(time.Now().Add(bound))
	c, err := l.AcceptTCP()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(bound))
	return c
}

// endingOf reads to the end and says how the stream ended.
func endingOf(c net.Conn) (data []byte, ending event.Ending) {
	data, err := io.ReadAll(c)
	return data, endingFor(err)
}

func endingFor(err error) event.Ending {
	var timeout net.Error
	switch {
	case err == nil:
		return event.EOF
	case errors.Is(err, syscall.ECONNRESET):
		return event.Reset
	case errors.Is(err, syscall.ECONNREFUSED):
		return event.Refused
	case errors.Is(err, syscall.EPIPE):
		return event.BrokenPipe
	case errors.As(err, &timeout) && timeout.Timeout():
		return event.Timeout
	}
	return event.Ending(err.Error())
}

func wantEnding(t *testing.T, who string, c net.Conn, wantData string, want event.Ending) {
	t.Helper()
	if data, got := endingOf(c); got != want || string(data) != wantData {
		t.Errorf("%s read %q and ending %q, want %q and %q", who, data, got, wantData, want)
	}
}

func until(t testing.TB, what string, reached func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(bound); !reached(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("never came: %s", what)
		}
	}
}

// call sends a request and returns status, headers and body.
func call(t testing.TB, method, url, body string, headers ...string) (int, http.Header, string) {
	t.Helper()
	r, err := http.NewRequest(method, url, bytes.NewReader([]byte(body)))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		}
	}
	noRedirect := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, Timeout: bound}
	response, err := noRedirect.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, response.Header, string(text)
}

// must calls and fails the test unless the status is as wanted.
func must(t testing.TB, want int, method, url, body string) string {
	t.Helper()
	status, _, text := call(t, method, url, body)
	if status != want {
		t.Fatalf("%s %s %s: got %d %s, want %d", method, url, body, status, text, want)
	}
	return text
}

// newProxy creates a proxy before upstream and returns its address.
func newProxy(t testing.TB, url, name, upstream string) string {
	t.Helper()
	listen := freeAddr(t)
	must(t, 201, "POST", url+"/proxies", fmt.Sprintf(`{"name":%q,"listen":%q,"upstream":%q}`, name, listen, upstream))
	return listen
}
