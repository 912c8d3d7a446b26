package sock_test

import (
	"context"
	"errors"
	"io"
	"net"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/sock"
	"github.com/sockharness/harness/toxics/hook"
)

func bindPort(t testing.TB, addr string) *sock.Port {
	t.Helper()
	p, err := sock.BindPort(addr, hook.SocketLimits{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

func tryDial(ctx context.Context, p *sock.Port) (net.Conn, error) {
	var dialer net.Dialer
	dialer.SetMultipathTCP(false)
	return dialer.DialContext(ctx, "tcp", p.Addr().String())
}

func wantRefused(t *testing.T, p *sock.Port) {
	t.Helper()
	if _, err := tryDial(bounded(t), p); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Fatalf("got %v, want connection refused", err)
	}
}

// wantServed proves that l accepts what connects to p.
func wantServed(t *testing.T, p *sock.Port, l net.Listener) {
	t.Helper()
	client, err := tryDial(bounded(t), p)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	wantAccepted(t, l, client)
}

func wantAccepted(t *testing.T, l net.Listener, client net.Conn) {
	t.Helper()
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	if got, want := server.RemoteAddr().String(), client.LocalAddr().String(); got != want {
		t.Fatalf("accepted %s, want %s", got, want)
	}
}

// A port that was told to refuse before it ever listened must not pass its
// shutdown on to the connections that it accepts later.
func TestRefusingPortServesWhenItListens(t *testing.T) {
	p := bindPort(t, "127.0.0.1:0")
	for range 2 {
		if err := p.RefuseConnects(); err != nil {
			t.Fatal(err)
		}
	}
	l, err := p.StartListening()
	if err != nil {
		t.Fatal(err)
	}
	client, err := tryDial(bounded(t), p)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	if _, err := client.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 5)
	if _, err := io.ReadFull(server, got); err != nil || string(got) != "hello" {
		t.Errorf("got %q, %v from an accepted connection, want hello", got, err)
	}
}

func TestPortRefusesAndListensInTurn(t *testing.T) {
	for _, addr := range []string{"127.0.0.1:0", "[::1]:0", ":0", "localhost:0"} {
		p := bindPort(t, addr)
		for range 1000 {
			wantRefused(t, p)
		}
		for range 50 {
			l, err := p.StartListening()
			if err != nil {
				t.Fatal(err)
			}
			wantServed(t, p, l)
			if err := p.RefuseConnects(); err != nil {
				t.Fatal(err)
			}
			wantRefused(t, p)
			if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
				t.Errorf("accept while refusing: got %v, want %v", err, net.ErrClosed)
			}
		}
	}
}

func TestPortIsOursInEveryState(t *testing.T) {
	linuxOnly(t)
	p := bindPort(t, "127.0.0.1:0")
	states := []struct {
		name  string
		enter func() error
	}{
		{"bound", func() error { return nil }},
		{"listening", func() error { _, err := p.StartListening(); return err }},
		{"refusing", p.RefuseConnects},
		{"hanging", p.BlackHole},
		{"refusing again", p.RefuseConnects},
	}
	for _, s := range states {
		if err := s.enter(); err != nil {
			t.Fatal(err)
		}
		for _, addr := range []string{p.Addr().String(), "0.0.0.0:" + port(p.Addr())} {
			// Package net sets SO_REUSEADDR.
			if l, err := net.Listen("tcp", addr); !errors.Is(err, syscall.EADDRINUSE) {
				t.Errorf("%s: listen on %s: got %v, %v, want address in use", s.name, addr, l, err)
			}
		}
		if other, err := sock.BindPort(p.Addr().String(), hook.SocketLimits{}); !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("%s: bind: got %v, %v, want address in use", s.name, other, err)
		}
	}
	p.Close()
	listen(t, p.Addr().String())
}

func TestPortIsBoundBesideOldConnections(t *testing.T) {
	first := bindPort(t, "127.0.0.1:0")
	l, err := first.StartListening()
	if err != nil {
		t.Fatal(err)
	}
	client := dial(t, first.Addr().String())
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	first.Close()
	second := bindPort(t, first.Addr().String())
	wantRefused(t, second)
	if l, err = second.StartListening(); err != nil {
		t.Fatal(err)
	}
	wantServed(t, second, l)
	write(t, client, "x")
	if n, err := server.Read(make([]byte, 9)); n != 1 || err != nil {
		t.Errorf("old connection: got %d bytes, %v", n, err)
	}
}

func TestHangingPortAnswersWhenItListens(t *testing.T) {
	linuxOnly(t)
	for _, addr := range []string{"127.0.0.1:0", "[::1]:0", ":0"} {
		p := bindPort(t, addr)
		if err := p.BlackHole(); err != nil {
			t.Fatal(err)
		}
		for range 10 {
			if c, err := tryDial(short(t), p); !errors.Is(err, context.DeadlineExceeded) && !isTimeout(err) {
				t.Fatalf("connect while hanging: got %v, %v, want a timeout", c, err)
			}
		}
		connected := make(chan net.Conn)
		go func() {
			c, err := tryDial(bounded(t), p)
			if err != nil {
				t.Error(err)
			}
			connected <- c
		}()
		awaitSynSent(t, p)
		l, err := p.StartListening()
		if err != nil {
			t.Fatal(err)
		}
		client := <-connected
		if client == nil {
			return
		}
		defer client.Close()
		wantAccepted(t, l, client)
		wantServed(t, p, l)
	}
}

func TestHangingPortRefusesNext(t *testing.T) {
	linuxOnly(t)
	p := bindPort(t, "127.0.0.1:0")
	for range 100 {
		if err := errors.Join(p.BlackHole(), p.BlackHole(), p.RefuseConnects()); err != nil {
			t.Fatal(err)
		}
		wantRefused(t, p)
	}
}

func TestHangAmongEagerClients(t *testing.T) {
	linuxOnly(t)
	p := bindPort(t, "127.0.0.1:0")
	ctx, cancel := context.WithCancel(bounded(t))
	var clients sync.WaitGroup
	defer clients.Wait()
	defer cancel()
	for range 2 {
		clients.Go(func() {
			for ctx.Err() == nil {
				soon, stop := context.WithTimeout(ctx, 2*time.Millisecond)
				if c, err := tryDial(soon, p); err == nil {
					c.Close()
				}
				stop()
			}
		})
	}
	for range 20 {
		if err := p.BlackHole(); err != nil {
			t.Fatal(err)
		}
		if c, err := tryDial(short(t), p); err == nil {
			t.Fatalf("connected to a port that hangs: %v", c.LocalAddr())
		}
		if err := p.RefuseConnects(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLeavingResetsWhatNobodyAccepted(t *testing.T) {
	linuxOnly(t)
	for name, leave := range map[string]func(*sock.Port) error{
		"refuse": (*sock.Port).RefuseConnects, "hang": (*sock.Port).BlackHole, "close": (*sock.Port).Close,
	} {
		p := bindPort(t, "127.0.0.1:0")
		if _, err := p.StartListening(); err != nil {
			t.Fatal(err)
		}
		c := dial(t, p.Addr().String())
		if err := leave(p); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("%s: got %v, want connection reset", name, err)
		}
	}
}

func TestClosedPort(t *testing.T) {
	p := bindPort(t, "127.0.0.1:0")
	if err := errors.Join(p.Close(), p.Close()); err != nil {
		t.Error(err)
	}
	if _, err := p.StartListening(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("listen: got %v, want %v", err, net.ErrClosed)
	}
	for _, act := range []func() error{p.RefuseConnects, p.BlackHole} {
		if err := act(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("got %v, want %v", err, net.ErrClosed)
		}
	}
}

func TestClosedListenerLeavesThePortAsItIs(t *testing.T) {
	linuxOnly(t)
	p := bindPort(t, "127.0.0.1:0")
	l, err := p.StartListening()
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	waiting := dial(t, p.Addr().String())
	if l, err = p.StartListening(); err != nil {
		t.Fatal(err)
	}
	wantAccepted(t, l, waiting)
	if _, err := waiting.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("got %v, want EOF", err)
	}
}

func linuxOnly(t testing.TB) {
	if runtime.GOOS != "linux" {
		t.Skip("SKIPPED, NOT PROVEN HERE: not Linux")
	}
}

func port(a net.Addr) string {
	_, port, _ := net.SplitHostPort(a.String())
	return port
}

func isTimeout(err error) bool {
	var e net.Error
	return errors.As(err, &e) && e.Timeout()
}

// awaitSynSent returns when a connect to p is under way.
func awaitSynSent(t *testing.T, p *sock.Port) {
	t.Helper()
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for ctx := bounded(t); !synSent(t, port(p.Addr())); {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			t.Fatal("no connect came")
		}
	}
}
