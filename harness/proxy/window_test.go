package proxy

import (
	"errors"
	"net"
	"testing"

	"github.com/sockharness/harness/harness/sock"
	"github.com/sockharness/harness/toxics/hook"
)

// Windows change while the proxy runs: new connections have them, on both sides.
func TestWindowsOfNewConnections(t *testing.T) {
	if !canSplice {
		t.Skip("SKIPPED, NOT PROVEN HERE: Linux only")
	}
	r := newRig(t, nil)
	first, firstServer := r.pair()
	plain := segment(t, first)
	for _, w := range []struct{ listen, dial, client, server int }{
		{88, 536, 88, 536}, {0, 100, int(plain), 100}, {0, 0, int(plain), int(plain)},
	} {
		if err := r.proxy.SetWindows(hook.SocketLimits{SegmentSize: w.listen}, hook.SocketLimits{SegmentSize: w.dial}); err != nil {
			t.Fatal(err)
		}
		client, server := r.pair()
		if c, s := segment(t, client), segment(t, server); !within(c, w.client) || !within(s, w.server) {
			t.Errorf("%+v: segments of %d bytes to the listener and %d to who dialled", w, c, s)
		}
		_ = client.Close()
		wantEnding(t, server, "", "eof")
		_ = server.Close()
	}
	send(t, first, "alive")
	wantRead(t, firstServer, "alive")
	_ = r.proxy.Close()
	if err := r.proxy.SetWindows(hook.SocketLimits{}, hook.SocketLimits{}); !errors.Is(err, net.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}

// segment returns the size of the segments that c may send.
func segment(t *testing.T, c *net.TCPConn) uint32 {
	t.Helper()
	info, err := sock.TCPInfo(c)
	if err != nil {
		t.Fatal(err)
	}
	return info.SegmentSize
}

// within allows for the options of a segment, and for what the kernel learns.
func within(got uint32, limit int) bool { return int(got) <= limit+40 && int(got) >= limit-40 }
