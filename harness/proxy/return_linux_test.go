package proxy

import (
	"io"
	"net"
	"runtime"
	"testing"

	"github.com/sockharness/harness/harness/event"
)

// A connection that goroutines had to carry comes back into its loop when it is calm
// again, as often as that is so, and loses nothing.
func TestCalmConnectionsComeBack(t *testing.T) {
	data := noise(4 << 20)
	for name, toxics := range map[string][]Toxic{"": nil, "delayed": delays(t, 1), "chain": flagged(t, "slice offsets=100 direction=downstream", "half_close at.byte=9000000 direction=downstream")} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, with(toxics...))
			all := &r.proxy.shared.loops
			client, server := r.pair()
			before := runtime.NumGoroutine()
			for round := range uint64(2) {
				go func() { _, _ = server.Write(data) }()
				wantRead(t, client, string(data))
				until(t, "goroutines have carried the bulk", func() bool { return all.handOffs.Load() > round })
				until(t, "the connection is back", func() bool { return all.takenBack.Load() == all.handOffs.Load() })
				until(t, "the goroutines are gone", func() bool { return runtime.NumGoroutine() <= before+1 }) // a clock stays
				send(t, client, "small")
				wantRead(t, server, "small")
				send(t, server, "answer")
				wantRead(t, client, "answer")
			}
			_ = server.CloseWrite()
			wantEnding(t, client, "", event.EOF)
			_ = client.Close()
			wantEnding(t, server, "", event.EOF)
			r.wantClosed()
		})
	}
}

// What is held when a connection comes back is neither lost nor early.
func TestHeldComesBack(t *testing.T) {
	const hour = 3_600_000
	r := newRig(t, nil)
	all := &r.proxy.shared.loops
	client, server := r.pair()
	data := noise(4 << 20)
	go func() { _, _ = server.Write(data) }()
	wantRead(t, client, string(data))
	until(t, "goroutines have carried the bulk", func() bool { return all.handOffs.Load() > 0 })
	r.set(delays(t, hour)...)
	send(t, server, "held")
	until(t, "the connection is back", func() bool { return all.takenBack.Load() == 1 })
	send(t, server, ", too")
	until(t, "it is held", func() bool { return r.proxy.TotalTraffic(event.Downstream).Received == int64(len(data)+9) })
	r.set()
	wantRead(t, client, "held, too")
}

// Names are looked up once; a connection to a name, on a unix socket, or one that a
// goroutine has dialled, is carried by the loop.
func TestDialledElsewhereIsCarriedByTheLoop(t *testing.T) {
	dir := t.TempDir()
	for _, listen := range []string{"127.0.0.1:0", "unix:" + dir + "/p.sock"} {
		for _, kind := range []string{"name", "unix"} {
			t.Run(listen[:4]+"/"+kind, func(t *testing.T) {
				upstream := listenFor(t, kind)
				at := upstream.Addr().String()
				if kind == "name" {
					_, port, _ := net.SplitHostPort(at)
					at = "localhost:" + port
				} else {
					at = "unix:" + at
				}
				r := newRig(t, func(c *Config) { c.Listen, c.Upstream = listen, at })
				before := runtime.NumGoroutine()
				client, server := dialThrough(t, r, upstream)
				send(t, client, "there")
				wantRead(t, server, "there")
				send(t, server, "back")
				wantRead(t, client, "back")
				until(t, "no goroutine is left", func() bool { return runtime.NumGoroutine() <= before })
				r.wantNoHandOff()
				_ = client.Close()
				if _, err := io.ReadAll(server); err != nil {
					t.Error(err)
				}
				_ = server.Close()
				r.wantClosed()
			})
		}
	}
}

func listenFor(t *testing.T, kind string) net.Listener {
	t.Helper()
	if kind == "name" {
		return listen(t)
	}
	l, err := net.Listen("unix", t.TempDir()+"/u.sock")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func dialThrough(t *testing.T, r *rig, upstream net.Listener) (client, server net.Conn) {
	t.Helper()
	client, err := net.Dial(r.proxy.Addr().Network(), r.proxy.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	server, err = upstream.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = client.Close(), server.Close() })
	return client, server
}
