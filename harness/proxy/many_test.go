//go:build unix

package proxy

import (
	"io"
	"net"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/event"
)

const (
	many       = 10_000 // connections
	enough     = 1_000  // less would prove nothing
	perPath    = 4      // descriptors of one: the client's, the proxy's two, the server's
	spareFiles = 200    // descriptors for everything else
)

// affordable returns how many connections the descriptor limit leaves room for,
// and raises it as far as this process may. Go has raised the soft limit to the
// hard one already.
func affordable(t *testing.T) int {
	t.Helper()
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if want := uint64(many*perPath + spareFiles); uint64(limit.Cur) < want {
		raised := limit
		raised.Cur = want
		raised.Max = max(raised.Max, want)
		if syscall.Setrlimit(syscall.RLIMIT_NOFILE, &raised) == nil {
			before := limit
			t.Cleanup(func() { _ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &before) })
			limit = raised
		}
	}
	n := int(min(many, (uint64(limit.Cur)-spareFiles)/perPath))
	if n < enough {
		t.Skipf("RLIMIT_NOFILE is %d: room for %d connections, and less than %d prove nothing; raise it by ulimit -Hn", limit.Cur, n, enough)
	}
	return n
}

// Ten thousand connections leave nothing behind: no goroutine, no descriptor, no
// memory. The second wave shows that, since Go keeps what the first one needed
// (descriptors of goroutines, buckets of maps) for the next.
func TestManyConnectionsLeaveNothing(t *testing.T) {
	n := affordable(t)
	if n < many {
		t.Logf("the descriptor limit leaves room for %d connections of %d", n, many)
	}
	for name, toxics := range map[string][]Toxic{"plain": nil, "delayed": delays(t, 1)} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, func(c *Config) { c.Events, c.Toxics = nil, toxics })
			goroutines, files := runtime.NumGoroutine(), openFiles(t)
			r.wave(n)
			r.wantNothing(goroutines, files)
			first := heapInUse()
			r.wave(n)
			began := time.Now()
			r.wantNothing(goroutines, files)
			took := time.Since(began)
			const perConnection = 100 // bytes: a session is thousands
			if grown := heapInUse() - first; grown > int64(n*perConnection) {
				t.Errorf("%d bytes more after the second wave of %d connections", grown, n)
			}
			t.Logf("%d connections, nothing left %v after the last was closed", n, took.Round(time.Millisecond))
		})
	}
}

// wave opens n connections that carry a byte each, and closes them: one in three
// by a reset, the others by FIN from the client or the server.
func (r *rig) wave(n int) {
	r.t.Helper()
	clients, servers := make([]*net.TCPConn, n), make([]*net.TCPConn, n)
	b := []byte{1}
	for i := range n {
		c, err := tryDial(r.proxy.Addr().String())
		if err != nil {
			r.t.Fatalf("connection %d: %v", i, err)
		}
		_ = r.listener.SetDeadline(time.Now().Add(bound))
		s, err := r.listener.AcceptTCP()
		if err != nil {
			r.t.Fatalf("connection %d: %v", i, err)
		}
		clients[i], servers[i] = c, s
		if _, err := c.Write(b); err != nil {
			r.t.Fatal(err)
		}
		if _, err := io.ReadFull(s, b); err != nil {
			r.t.Fatal(err)
		}
	}
	if got := len(r.proxy.OpenConnections()); got != n {
		r.t.Errorf("%d connections are open, want %d", got, n)
	}
	for i := range n {
		first, second := clients[i], servers[i]
		switch i % 3 {
		case 0:
			_ = first.SetLinger(0)
		case 1:
			first, second = second, first
		}
		_ = first.Close()
		_ = second.Close()
	}
}

// wantNothing polls until the proxy holds no more than before.
func (r *rig) wantNothing(goroutines, files int) {
	r.t.Helper()
	until(r.t, "no connection is left", func() bool { return len(r.proxy.OpenConnections()) == 0 })
	const clock = 1 // of the pool, once something was delayed: a goroutine and a timerfd
	until(r.t, "no goroutine is left", func() bool { return runtime.NumGoroutine() <= goroutines+clock })
	// The pool of pipes keeps a few for the next.
	const idlePipes = 2 * 32
	const parked = 1 // the loop of events, once it has nothing to do
	until(r.t, "no descriptor is left", func() bool { return openFiles(r.t) <= files+idlePipes+clock+parked })
	if sum := r.proxy.TotalTraffic(event.Upstream); sum.Received != sum.Sent {
		r.t.Errorf("%d bytes received, %d sent", sum.Received, sum.Sent)
	}
}

// openFiles returns how many descriptors this process has, 0 where it cannot know.
func openFiles(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(list)
}

func heapInUse() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
