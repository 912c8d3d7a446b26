package proxy

import (
	"context"
	"net"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/sock"
)

const canSplice = runtime.GOOS == "linux"

// until polls a fact of the kernel.
func until(t *testing.T, what string, fact func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(bound); !fact(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

func awaitAcked(t *testing.T, c *net.TCPConn) {
	t.Helper()
	until(t, "everything acknowledged", func() bool { n, err := sock.OutQueue(c); return err == nil && n == 0 })
}

func awaitInput(t *testing.T, c syscall.Conn, n int) {
	t.Helper()
	until(t, "input", func() bool { got, err := sock.InQueue(c); return err == nil && got >= n })
}

// awaitReset waits for a reset that no read can tell of.
func awaitReset(t *testing.T, c *net.TCPConn) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), bound)
	defer cancel()
	if err := sock.AwaitReset(ctx, c); err != nil {
		t.Errorf("no reset: %v", err)
	}
}

// awaitStill waits until the proxy forwards no more bytes.
func awaitStill(t *testing.T, r *rig) {
	t.Helper()
	var last int64
	same := 0
	until(t, "no progress", func() bool {
		now := r.proxy.TotalTraffic(event.Upstream).Received + r.proxy.TotalTraffic(event.Downstream).Received
		if same++; now != last || now == 0 {
			last, same = now, 0
		}
		return same > 50
	})
}
