package proxy

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/toxics"
	"github.com/sockharness/harness/toxics/spec"
)

// noise returns n bytes that no shift of them matches.
func noise(n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{7})
	_, _ = r.Read(b)
	return b
}

// ways runs a test on both directions: first and second are the two ends, in
// either order. It does so without toxics, and with delays, which the kernel
// carries too.
func ways(t *testing.T, test func(t *testing.T, r *rig, first, second *net.TCPConn)) {
	waysThrough(t, map[string][]Toxic{"": nil, "/delayed": delays(t, 1)}, test)
}

// allWays is ways, and through toxics that change nothing: without goroutines, and with.
func allWays(t *testing.T, test func(t *testing.T, r *rig, first, second *net.TCPConn)) {
	ways(t, test)
	both := func(flag string) []Toxic { return flagged(t, flag+" direction=upstream", flag+" direction=downstream") }
	waysThrough(t, map[string][]Toxic{"/chain": both("limit_data bytes=1000000000"), "/goroutines": both("noop")}, test)
}

func waysThrough(t *testing.T, lists map[string][]Toxic, test func(t *testing.T, r *rig, first, second *net.TCPConn)) {
	for name, toxics := range lists {
		t.Run("client"+name, func(t *testing.T) {
			r := newRig(t, with(toxics...))
			client, server := r.pair()
			test(t, r, client, server)
		})
		t.Run("server"+name, func(t *testing.T) {
			r := newRig(t, with(toxics...))
			client, server := r.pair()
			test(t, r, server, client)
		})
	}
}

// delays returns a latency of the catalogue for either direction, ms.
func delays(t testing.TB, ms int) (list []Toxic) {
	t.Helper()
	for _, d := range []event.Direction{event.Upstream, event.Downstream} {
		made, err := toxics.MakeToxic(spec.Spec{Type: "latency", Direction: d, Attributes: map[string]any{"latency": ms}})
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, Toxic{Name: made.Name, Toxic: made.Instance, BufferSize: made.BufferSize, Direction: d, Toxicity: 1})
	}
	return list
}

func TestHalfCloseLeavesTheOtherDirection(t *testing.T) {
	allWays(t, func(t *testing.T, r *rig, first, second *net.TCPConn) {
		send(t, first, "request")
		_ = first.CloseWrite()
		wantEnding(t, second, "request", event.EOF)
		send(t, second, "reply after the end of the request")
		_ = second.CloseWrite()
		wantEnding(t, first, "reply after the end of the request", event.EOF)
		r.wantClosed()
	})
}

func TestHalfCloseWithMegabytesInFlight(t *testing.T) {
	data := noise(10 << 20)
	ways(t, func(t *testing.T, r *rig, first, second *net.TCPConn) {
		sent := make(chan error, 1)
		go func() {
			_, err := second.Write(data)
			_ = second.CloseWrite()
			sent <- err
		}()
		head := make([]byte, 1)
		if _, err := io.ReadFull(first, head); err != nil {
			t.Fatal(err)
		}
		_ = first.CloseWrite()
		rest, ending := endingOf(first)
		if ending != event.EOF || !bytes.Equal(append(head, rest...), data) {
			t.Errorf("got %d bytes and %s, want %d and eof", 1+len(rest), ending, len(data))
		}
		if err := <-sent; err != nil {
			t.Errorf("write: %v", err)
		}
		wantEnding(t, second, "", event.EOF)
		r.wantClosed()
	})
}

func TestResetWhenIdle(t *testing.T) {
	allWays(t, func(t *testing.T, r *rig, first, second *net.TCPConn) {
		reset(t, first)
		wantEnding(t, second, "", event.Reset)
		r.wantClosed()
		e := r.wantEvent("rst", func(e event.Event) bool { return e.Kind == event.RST })
		if !e.First || e.Side == event.Proxy {
			t.Errorf("event %+v, want the first ending, by a peer", e)
		}
	})
}

func TestResetComesAfterTheData(t *testing.T) {
	data := string(noise(100_000))
	allWays(t, func(t *testing.T, r *rig, first, second *net.TCPConn) {
		send(t, first, data)
		awaitAcked(t, first)
		reset(t, first)
		wantEnding(t, second, data, event.Reset)
		r.wantClosed()
	})
}

func TestResetAfterFIN(t *testing.T) {
	allWays(t, func(t *testing.T, r *rig, first, second *net.TCPConn) {
		send(t, first, "all of it")
		_ = first.CloseWrite()
		wantEnding(t, second, "all of it", event.EOF)
		reset(t, first)
		r.wantClosed()
		awaitReset(t, second)
	})
}

func TestCloseWithUnreadDataIsAReset(t *testing.T) {
	allWays(t, func(t *testing.T, r *rig, first, second *net.TCPConn) {
		send(t, second, "never read")
		awaitInput(t, first, len("never read"))
		_ = first.Close()
		wantEnding(t, second, "", event.Reset)
		r.wantClosed()
	})
}

// A process that has closed its socket answers what still comes by a reset.
func TestResetOfALateWrite(t *testing.T) {
	allWays(t, func(t *testing.T, r *rig, first, second *net.TCPConn) {
		_ = first.Close()
		wantEnding(t, second, "", event.EOF)
		send(t, second, "to nobody")
		awaitReset(t, second)
		r.wantClosed()
	})
}

func TestEndingsComeInTheOrderOfTheBytes(t *testing.T) {
	r := newRig(t, nil)
	client, server := r.pair()
	send(t, client, "ping")
	wantRead(t, server, "ping")
	send(t, server, "pong")
	_ = server.Close()
	wantEnding(t, client, "pong", event.EOF)
	_ = client.Close()
	r.wantClosed()
	var got []string
	for _, e := range r.log.AllEvents() {
		if e.Kind == event.Bytes || e.Kind == event.FIN {
			got = append(got, string(e.Kind)+" "+string(e.Side))
		}
	}
	if want := "bytes client,bytes server,fin server,fin client"; strings.Join(got, ",") != want {
		t.Errorf("events %v, want %s", got, want)
	}
}

func TestSlowReaderSlowsTheWriterDown(t *testing.T) {
	all := noise(96 << 20)
	ways(t, func(t *testing.T, r *rig, first, second *net.TCPConn) {
		data := all[:32<<20]
		if len(r.proxy.Toxics()) > 0 {
			// The kernel takes up to tcp_rmem more for a proxy that reads fast at first.
			data = all
		}
		sent := make(chan error, 1)
		go func() {
			_, err := first.Write(data)
			_ = first.CloseWrite()
			sent <- err
		}()
		awaitStill(t, r)
		select {
		case <-sent:
			t.Fatalf("%d MiB went into a connection that nobody reads", len(data)>>20)
		default:
		}
		got, ending := endingOf(second)
		if err := <-sent; err != nil || ending != event.EOF || !bytes.Equal(got, data) {
			t.Errorf("got %d bytes, %s, %v, want %d and eof", len(got), ending, err, len(data))
		}
		_ = second.Close()
		r.wantClosed()
	})
}

// What comes first may be copied: whether more follows is not known yet.
func TestBulkIsNotCopiedWithoutToxics(t *testing.T) {
	if !canSplice {
		t.Skip("this system cannot splice sockets: Linux only")
	}
	data := noise(1 << 20)
	const copied = 64 << 10
	ways(t, func(t *testing.T, r *rig, first, second *net.TCPConn) {
		go func() { _, _ = first.Write(data) }()
		got := make([]byte, len(data))
		if _, err := io.ReadFull(second, got); err != nil || !bytes.Equal(got, data) {
			t.Fatal("the bytes differ", err)
		}
		until(t, "the bytes were spliced", func() bool {
			c := r.proxy.OpenConnections()[0]
			return c.Direct[0]+c.Direct[1] >= int64(len(data)-copied)
		})
	})
}

func TestHalfClosedAndIdleIsEnded(t *testing.T) {
	r := newRig(t, func(c *Config) { c.HalfCloseIdle = 40 * time.Millisecond })
	client, server := r.pair()
	_ = client.CloseWrite()
	wantEnding(t, server, "", event.EOF)
	wantEnding(t, client, "", event.EOF)
	r.wantClosed()
}

// A server that dies while the client reads nothing: the client is told, however
// long it goes on not to read.
func TestResetPassesAStalledReader(t *testing.T) {
	data := noise(32 << 20)
	for _, toxics := range [][]Toxic{nil, chainOf("noop")} {
		r := newRig(t, with(toxics...))
		client, server := r.pair()
		wrote := make(chan struct{})
		go func() {
			_, _ = server.Write(data)
			close(wrote)
		}()
		awaitStill(t, r)
		reset(t, server)
		<-wrote
		r.wantClosed()
		got, ending := endingOf(client)
		if ending != event.Reset || !bytes.HasPrefix(data, got) {
			t.Errorf("got %d bytes and %s, want a reset", len(got), ending)
		}
	}
}
