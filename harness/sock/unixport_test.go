package sock_test

import (
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/sockharness/harness/harness/sock"
)

func bindUnix(t *testing.T, path string) *sock.Port {
	t.Helper()
	p, err := sock.BindUnix(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

func dialUnix(path string) (*net.UnixConn, error) {
	return net.DialUnix("unix", nil, &net.UnixAddr{Name: path, Net: "unix"})
}

func listenOn(t *testing.T, p *sock.Port) net.Listener {
	t.Helper()
	l, err := p.StartListening()
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func wantUnixServed(t *testing.T, path string, l net.Listener) {
	t.Helper()
	client, err := dialUnix(path)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	if _, err := io.WriteString(client, "x"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(server, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if got := client.RemoteAddr().String(); got != path {
		t.Errorf("the client is connected to %s, want %s", got, path)
	}
}

func wantUnixError(t *testing.T, path string, want error) {
	t.Helper()
	c, err := dialUnix(path)
	if err == nil {
		_ = c.Close()
	}
	if !errors.Is(err, want) {
		t.Errorf("connect to %s: %v, want %v", path, err, want)
	}
}

func TestUnixPortInEveryState(t *testing.T) {
	linuxOnly(t)
	for _, path := range []string{filepath.Join(t.TempDir(), "s"), "@harness-" + filepath.Base(t.TempDir()) + t.Name()} {
		p := bindUnix(t, path)
		wantUnixError(t, path, syscall.ECONNREFUSED)
		for range 3 {
			wantUnixServed(t, path, listenOn(t, p))
			if err := p.RefuseConnects(); err != nil {
				t.Fatal(err)
			}
			wantUnixError(t, path, syscall.ECONNREFUSED)
			if err := p.BlackHole(); err != nil {
				t.Fatal(err)
			}
			wantUnixError(t, path, syscall.EAGAIN)
			wantUnixServed(t, path, listenOn(t, p))
			if err := p.BlackHole(); err != nil {
				t.Fatal(err)
			}
			wantUnixError(t, path, syscall.EAGAIN)
			if err := p.RefuseConnects(); err != nil {
				t.Fatal(err)
			}
			wantUnixError(t, path, syscall.ECONNREFUSED)
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the file is left: %v", err)
		}
		if _, err := p.StartListening(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("listen after close: %v", err)
		}
	}
}

// What is in the queue when the port hangs or refuses is ended.
func TestUnixPortTurnsAwayWhatNobodyAccepted(t *testing.T) {
	linuxOnly(t)
	path := filepath.Join(t.TempDir(), "s")
	p := bindUnix(t, path)
	for _, turn := range []func() error{p.RefuseConnects, p.BlackHole} {
		listenOn(t, p)
		var waiting []*net.UnixConn
		for range 5 {
			c, err := dialUnix(path)
			if err != nil {
				t.Fatal(err)
			}
			waiting = append(waiting, c)
		}
		if err := turn(); err != nil {
			t.Fatal(err)
		}
		for _, c := range waiting {
			if n, err := c.Read(make([]byte, 1)); err == nil {
				t.Errorf("read %d bytes", n)
			}
			_ = c.Close()
		}
	}
}

// Only a socket file that nobody listens on is replaced.
func TestUnixPathThatIsTaken(t *testing.T) {
	linuxOnly(t)
	dir := t.TempDir()
	stale, live, file := filepath.Join(dir, "stale"), filepath.Join(dir, "live"), filepath.Join(dir, "file")
	for _, path := range []string{stale, live} {
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
		if err != nil {
			t.Fatal(err)
		}
		l.SetUnlinkOnClose(false) // as after a SIGKILL
		defer l.Close()
		if path == stale {
			_ = l.Close()
		}
	}
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{live: "another process listens there", file: "not a socket"} {
		if _, err := sock.BindUnix(path); !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
	p := bindUnix(t, stale)
	wantUnixServed(t, stale, listenOn(t, p))
	if _, err := sock.BindUnix(stale); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("taken from ourselves: %v", err)
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != "precious" {
		t.Errorf("%q, %v", text, err)
	}
	if _, err := sock.BindUnix(filepath.Join(dir, "none", "s")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
}

// Close leaves a file alone that somebody else has put in the place of ours.
func TestUnixPortRemovesItsOwnFileOnly(t *testing.T) {
	linuxOnly(t)
	path := filepath.Join(t.TempDir(), "s")
	p := bindUnix(t, path)
	listenOn(t, p)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	other := bindUnix(t, path)
	l := listenOn(t, other)
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	wantUnixServed(t, path, l)
}
