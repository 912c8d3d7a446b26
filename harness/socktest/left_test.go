package socktest_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/socktest"
)

// await waits for what an event of the proxy brings about.
func await(t testing.TB, px interface {
	Await(context.Context, func() bool) error
}, reached func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), bound)
	defer cancel()
	if err := px.Await(ctx, reached); err != nil {
		t.Fatalf("it has not come: %v", err)
	}
}

// until waits for what the process or another one does, of which neither the runtime nor the
// kernel gives an event: goroutines that end, descriptors that are closed.
func until(t testing.TB, done func() bool) {
	t.Helper()
	for end := time.Now().Add(bound); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it has not come")
		}
	}
}

// A test leaves nothing, however it ends.
func TestNothingIsLeft(t *testing.T) {
	goroutines, descriptors := runtime.NumGoroutine(), openDescriptors(t)
	for _, end := range []func(t testing.TB){
		func(t testing.TB) {},
		func(t testing.TB) { t.Fatal("failed") },
		func(t testing.TB) { t.Skip() },
		func(t testing.TB) { panic("ouch") },
	} {
		play(func(t testing.TB) {
			server := socktest.NewServer(t, func(c *socktest.Peer) { c.Send("hello"); c.Want("more") })
			px := socktest.NewProxy(t, server.Addr())
			stalled := socktest.NewProxy(t, server.Addr())
			stalled.Inject(socktest.StallAt(socktest.Downstream, 0))
			for range 5 {
				socktest.Dial(t, px.Addr()).Want("hello")
				socktest.Dial(t, stalled.Addr()).Send("x")
			}
			if _, err := net.Dial("tcp", px.Addr()); err != nil { // which nobody closes, until the garbage collector does
				t.Error(err)
			}
			end(t)
		})
	}
	until(t, func() bool { return runtime.NumGoroutine() <= goroutines })
	until(t, func() bool { runtime.GC(); return openDescriptors(t) <= descriptors })
}

func openDescriptors(t testing.TB) int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("descriptors cannot be counted here")
	}
	return len(entries)
}

func TestThousandsOfProxies(t *testing.T) {
	goroutines := runtime.NumGoroutine()
	wantSaid(t, play(func(t testing.TB) {
		server := hello(t)
		socktest.EachOffset(make([]byte, 2000), func(at int64) {
			px := socktest.NewProxy(t, server.Addr())
			client := socktest.Dial(t, px.Addr())
			client.Want("hello")
			client.Close()
		})
	}), false)
	until(t, func() bool { return runtime.NumGoroutine() <= goroutines })
}

func TestParallel(t *testing.T) {
	for i := range 8 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			want := bytes.Repeat([]byte{byte('a' + i)}, 100_000)
			server := socktest.NewServer(t, func(c *socktest.Peer) { c.Send(string(want)) })
			px := socktest.NewProxy(t, server.Addr())
			px.Inject(socktest.HalfCloseAt(socktest.Downstream, 50_000).On(2))
			for n := 1; n <= 3; n++ {
				conn, err := px.DialContext(t.Context(), "tcp", "anything")
				if err != nil {
					t.Fatal(err)
				}
				got, err := io.ReadAll(conn)
				_ = conn.Close()
				length := map[bool]int{true: 50_000, false: 100_000}[n == 2]
				if !bytes.Equal(got, want[:length]) || err != nil {
					t.Errorf("connection %d: got %d bytes, %v, want %d", n, len(got), err, length)
				}
			}
		})
	}
}
