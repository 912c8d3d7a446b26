package sock_test

import (
	"net"
	"path/filepath"
	"testing"

	"github.com/sockharness/harness/harness/sock"
)

func TestDial(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	for _, network := range []string{"tcp", "unix"} {
		l, err := net.Listen(network, map[string]string{"tcp": "127.0.0.1:0", "unix": path}[network])
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		conn, err := sock.Dial(t.Context(), &net.Dialer{}, sock.FormatAddress(l.Addr()))
		if err != nil {
			t.Fatalf("%s: %v", network, err)
		}
		if got := conn.RemoteAddr().String(); got != l.Addr().String() {
			t.Errorf("%s: connected to %s, want %s", network, got, l.Addr())
		}
		conn.Close()
	}
	conn, err := sock.Dial(t.Context(), &net.Dialer{}, "udp:127.0.0.1:9")
	if _, ok := conn.(sock.DatagramConn); err != nil || !ok {
		t.Fatalf("udp: got %T, %v", conn, err)
	}
	conn.Close()
	if _, err := sock.Dial(t.Context(), &net.Dialer{}, "nowhere"); err == nil {
		t.Error("an address without a port was connected to")
	}
}
