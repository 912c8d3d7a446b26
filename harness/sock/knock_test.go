package sock_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/sock"
	"github.com/sockharness/harness/toxics/hook"
)

// A connect that is refused, and one that is not, are each seen once; those to
// another port are not.
func TestKnocks(t *testing.T) {
	seen := make(chan sock.ConnectAttempt, 100)
	port, knocks := watchRefusing(t, func(k sock.ConnectAttempt) { seen <- k })

	other := listening(t)
	before := time.Now()
	const refused = 20
	for range refused {
		if _, err := dialPlain(t.Context(), port.Addr().String()); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Fatalf("connect to a port that refuses: %v", err)
		}
		conn, err := dialPlain(t.Context(), other)
		if err != nil {
			t.Fatal(err)
		}
		conn.Close()
	}
	if _, err := port.StartListening(); err != nil {
		t.Fatal(err)
	}
	conn, err := dialPlain(t.Context(), port.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for i := range refused + 1 {
		k := <-seen
		if k.At.Before(before.Add(-time.Second)) || k.At.After(time.Now().Add(time.Second)) {
			t.Errorf("knock %d is said to have been at %v", i, k.At)
		}
		if i == refused && k.From.String() != conn.LocalAddr().String() {
			t.Errorf("the last knock came from %v, want %v", k.From, conn.LocalAddr())
		}
	}
	knocks.Close()
	if len(seen) > 0 {
		t.Errorf("%d knocks too many", len(seen))
	}
}

// Who knows the end of a connect knows the attempt, before the goroutine that waits for packets had
// a processor.
func TestDrainHasAllThatEnded(t *testing.T) {
	var seen atomic.Int64
	port, watch := watchRefusing(t, func(sock.ConnectAttempt) { seen.Add(1) })
	for n := range int64(200) {
		if _, err := dialPlain(t.Context(), port.Addr().String()); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Fatalf("connect to a port that refuses: %v", err)
		}
		if watch.Drain(); seen.Load() != n+1 {
			t.Fatalf("got %d attempts, want %d", seen.Load(), n+1)
		}
	}
	watch.Close()
	watch.Drain() // has nothing left to do
}

// watchRefusing watches the connects to a port that refuses them.
func watchRefusing(t *testing.T, onConnect func(sock.ConnectAttempt)) (*sock.Port, *sock.SYNWatch) {
	t.Helper()
	port, err := sock.BindPort("127.0.0.1:0", hook.SocketLimits{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { port.Close() })
	if err := port.RefuseConnects(); err != nil {
		t.Fatal(err)
	}
	watch, err := sock.WatchSYN(netip.MustParseAddrPort(port.Addr().String()), onConnect)
	if errors.Is(err, sock.ErrUnsupported) {
		t.Skipf("SKIPPED: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { watch.Close() })
	return port, watch
}

func listening(t *testing.T) string {
	t.Helper()
	var lc net.ListenConfig
	lc.SetMultipathTCP(false)
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().String()
}

func dialPlain(ctx context.Context, addr string) (net.Conn, error) {
	var d net.Dialer
	d.SetMultipathTCP(false)
	return d.DialContext(ctx, "tcp", addr)
}

func TestKnocksElsewhere(t *testing.T) {
	for _, addr := range []string{"[::1]:80", "192.0.2.1:80"} {
		if _, err := sock.WatchSYN(netip.MustParseAddrPort(addr), func(sock.ConnectAttempt) {}); !errors.Is(err, sock.ErrUnsupported) {
			t.Errorf("%s: %v, want ErrUnsupported", addr, err)
		}
	}
}
