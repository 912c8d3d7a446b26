package proxy

import (
	"bytes"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/link"
	"github.com/sockharness/harness/toxics/hook"
	"github.com/sockharness/harness/toxics/spec"
)

func TestUnixHalfClose(t *testing.T) {
	for name, chain := range map[string][]Toxic{"spliced": nil, "copied": chainOf("noop")} {
		t.Run(name, func(t *testing.T) {
			crossings(t, with(chain...), func(t *testing.T, x *crossing, first, second link.Conn) {
				send(t, first, "request")
				_ = first.CloseWrite()
				wantEnding(t, second, "request", event.EOF)
				send(t, second, "reply after the end of the request")
				_ = second.CloseWrite()
				wantEnding(t, first, "reply after the end of the request", event.EOF)
				x.wantClosed()
			})
		})
	}
}

func TestUnixIsSpliced(t *testing.T) {
	if !canSplice {
		t.Skip("SKIPPED, NOT PROVEN HERE: this system cannot splice sockets: Linux only")
	}
	data := noise(8 << 20)
	crossings(t, nil, func(t *testing.T, x *crossing, first, second link.Conn) {
		go func() { _, _ = first.Write(data) }()
		if !bytes.Equal(drain(t, second, len(data)), data) {
			t.Fatal("the bytes differ")
		}
		const copied = 256 << 10 // of what the event loop has begun with
		until(t, "the bytes were spliced", func() bool {
			c := x.proxy.OpenConnections()[0]
			return c.Direct[0]+c.Direct[1] >= int64(len(data)-copied)
		})
	})
}

// Who closes a unix socket with unread input resets it, and TCP passes that on
// as what it is. The other way round the kernel has a reset only for a peer
// whose bytes the proxy has not read; else all it can do is to end both
// directions at once, so that a read says EOF and a write EPIPE.
func TestUnixReset(t *testing.T) {
	for name, chain := range map[string][]Toxic{"spliced": nil, "copied": chainOf("noop")} {
		t.Run(name, func(t *testing.T) {
			crossings(t, with(chain...), func(t *testing.T, x *crossing, first, second link.Conn) {
				send(t, first, "request")
				wantRead(t, second, "request")
				if isUnix(first) {
					send(t, second, "unread")
					awaitInput(t, first, len("unread"))
				}
				resetIt(t, first)
				want := event.Reset
				if isUnix(second) {
					want = event.EOF
				}
				wantEnding(t, second, "", want)
				if _, err := second.Write([]byte("x")); !errors.Is(err, syscall.EPIPE) {
					t.Errorf("write: %v, want EPIPE", err)
				}
				x.wantClosed()
				x.wantEvent("rst", func(e event.Event) bool { return e.Kind == event.RST && e.First })
			})
		})
	}
}

// A peer on a unix socket whose bytes are unread gets ECONNRESET, behind what was sent to it.
func TestUnixResetOfUnreadInput(t *testing.T) {
	x := newCrossing(t, "tcp", "unix", with(chainOf("noop")...))
	client, server := x.pair()
	data := noise(16 << 20)
	wrote := make(chan error, 1)
	go func() {
		_, err := server.Write(data)
		wrote <- err
	}()
	send(t, client, "before")
	awaitInput(t, server, len("before"))
	awaitStill(t, &x.rig)
	resetIt(t, client)
	got, ending := endingOf(server)
	// The kernel tells it once, to whichever of read and write comes first.
	if err := <-wrote; string(got) != "before" || (ending != event.Reset) == !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("read %q and %s, write %v, want one ECONNRESET", got, ending, err)
	}
}

func TestUnixToxics(t *testing.T) {
	for name, test := range map[string]struct {
		spec           spec.Spec
		client, server event.Ending
	}{
		"half_close": {spec.Spec{Type: "half_close", At: at(4)}, event.EOF, event.Open},
		"vanish":     {spec.Spec{Type: "vanish", At: at(4)}, event.EOF, event.EOF},
		"reset":      {spec.Spec{Type: "reset", At: at(4)}, event.EOF, event.EOF},
	} {
		t.Run(name, func(t *testing.T) {
			x := newCrossing(t, "unix", "unix", with(made(t, test.spec)))
			client, server := x.pair()
			send(t, server, "0123456789")
			wantEnding(t, client, "0123", test.client)
			if test.server != event.Open {
				wantEnding(t, server, "", test.server)
				x.wantClosed()
				return
			}
			send(t, client, "still open")
			wantRead(t, server, "still open")
		})
	}
}

func TestUnixModes(t *testing.T) {
	x := newCrossing(t, "unix", "unix", nil)
	client, server := x.pair()
	for range 5 {
		x.mode(Refuse)
		if _, err := x.dial(); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("connect: %v, want refused", err)
		}
		if canSplice {
			x.mode(BlackHole)
			if _, err := x.dial(); !errors.Is(err, syscall.EAGAIN) {
				t.Errorf("connect that may not block: %v, want EAGAIN", err)
			}
		}
		x.mode(Accept)
		c, s := x.mustDial(), x.accept()
		send(t, c, "x")
		wantRead(t, s, "x")
	}
	send(t, client, "alive")
	wantRead(t, server, "alive")
}

func TestUnixFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	stale.SetUnlinkOnClose(false)
	_ = stale.Close()
	x := newCrossing(t, "unix", "tcp", func(c *Config) { c.Listen = "unix:" + path })
	x.pair()
	second, err := New(Config{Name: "second", Listen: "unix:" + path, Upstream: "127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	if err := second.Start(t.Context()); !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), "another process listens there") {
		t.Errorf("second: %v", err)
	}
	x.pair()
	_ = x.proxy.Close()
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file is left: %v", err)
	}
}

func TestUnixUpstreamDown(t *testing.T) {
	x := newCrossing(t, "tcp", "unix", func(c *Config) { c.UpstreamDown = FailRefuse })
	x.pair()
	_ = x.server.Close()
	until(t, "connects are refused", func() bool {
		_, err := x.dial()
		return errors.Is(err, syscall.ECONNREFUSED)
	})
}

func TestUnixConnectionsAreShown(t *testing.T) {
	x := newCrossing(t, "unix", "unix", nil)
	x.pair()
	if c := x.proxy.OpenConnections()[0]; c.Client != "unix:" || c.Upstream != "unix:"+x.server.Addr().String() {
		t.Errorf("%+v", c)
	}
	if err := x.proxy.SetWindows(hook.SocketLimits{SegmentSize: 88}, hook.SocketLimits{SegmentSize: 88}); err != nil {
		t.Errorf("a window of a socket that has none: %v", err)
	}
	x.pair()
}

// What is sent piece by piece is read so, as fast as it is read; that the read has
// returned nobody can know of a unix socket.
func TestUnixBoundaries(t *testing.T) {
	if !canSplice {
		t.Skip("SKIPPED, NOT PROVEN HERE: Linux only")
	}
	x := newCrossing(t, "tcp", "unix", func(c *Config) {
		lock := down("lockstep", lockstep())
		lock.Direction = event.Upstream
		c.Toxics, c.Patience.Gap = []Toxic{lock}, bound // which nobody waits for
	})
	client, server := x.pair()
	send(t, client, strings.Repeat("0123456789", 20))
	buf := make([]byte, 100)
	for i := range 200 {
		if n, err := server.Read(buf); n != 1 || err != nil || buf[0] != byte('0'+i%10) {
			t.Fatalf("read %q, %v", buf[:n], err)
		}
	}
	x.wantEvent("deliver", func(e event.Event) bool {
		return e.Kind == event.BoundaryRead && e.Offset == 199 && strings.HasPrefix(e.Detail, "unverified: the unix socket is empty")
	})
}

// Many small messages under a latency are all there, whatever holds them.
func TestUnixLatencyOfSmallMessages(t *testing.T) {
	crossings(t, nil, func(t *testing.T, x *crossing, first, second link.Conn) {
		slow := made(t, spec.Spec{Type: "latency", Attributes: map[string]any{"latency": 20}})
		both := []Toxic{slow, slow}
		both[1].Name, both[1].Direction = "other", event.Upstream
		x.set(both...)
		data := noise(3000)
		go func() {
			for i := range data {
				_, _ = first.Write(data[i : i+1])
			}
			_ = first.CloseWrite()
		}()
		wantEnding(t, second, string(data), event.EOF)
	})
}
