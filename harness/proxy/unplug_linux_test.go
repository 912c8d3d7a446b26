package proxy

import (
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/toxics"
)

// parsedFaults returns what flags put into the connections.
func parsedFaults(t *testing.T, flags ...string) (list []Toxic) {
	t.Helper()
	for _, text := range flags {
		spec, err := toxics.ParseFlag(text)
		if err != nil {
			t.Fatal(err)
		}
		m, err := toxics.MakeToxic(spec)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, FromToxic(m)...)
	}
	return list
}

// wantKind waits for an event of the kind.
func (r *rig) wantKind(kind event.Kind) {
	r.t.Helper()
	r.wantEvent(string(kind), func(e event.Event) bool { return e.Kind == kind })
}

// setUserTimeout bounds how long the kernel of a client waits for an acknowledgement.
func setUserTimeout(t *testing.T, c *net.TCPConn, d time.Duration) {
	t.Helper()
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	_ = raw.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(d.Milliseconds()))
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A client whose peer is gone without a word is told by its own kernel alone, and the
// end of the connection at the proxy is not told to it.
func TestUnpluggedClientTimesOut(t *testing.T) {
	r := newRig(t, with(parsedFaults(t, "unplug at.byte=5")...))
	client, server := r.pair()
	setUserTimeout(t, client, 300*time.Millisecond)
	send(t, server, "01234lost")
	wantRead(t, client, "01234")
	r.wantKind(event.Struck)
	send(t, client, "anybody?")
	_ = client.SetReadDeadline(time.Now().Add(bound))
	if n, err := client.Read(make([]byte, 10)); !errors.Is(err, syscall.ETIMEDOUT) {
		t.Errorf("got %d bytes, %v, want ETIMEDOUT", n, err)
	}
	if n := r.proxy.TotalTraffic(event.Upstream).Received; n != 0 {
		t.Errorf("%d bytes of the client were taken in", n)
	}
}

func TestEndOfAnUnpluggedConnectionIsSilent(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs CAP_NET_ADMIN: run as root")
	}
	for name, end := range map[string]func(r *rig, server *net.TCPConn){
		"proxy resets": func(r *rig, _ *net.TCPConn) { r.proxy.EndConnections(TerminateReset, nil) },
		"proxy ends":   func(r *rig, _ *net.TCPConn) { r.proxy.EndConnections(TerminateClose, nil) },
		"proxy closes": func(r *rig, _ *net.TCPConn) { _ = r.proxy.CloseNow() },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, with(parsedFaults(t, "unplug")...))
			client, server := r.pair()
			r.wantKind(event.Struck)
			end(r, server)
			r.wantClosed()
			_ = client.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
			if n, err := client.Read(make([]byte, 10)); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("got %d bytes, %v, want silence", n, err)
			}
		})
	}
}

// What was held arrives when the cable is back: after the duration, or by the removal.
func TestReplugLosesNothing(t *testing.T) {
	for _, flag := range []string{"unplug duration=100", "unplug"} {
		r := newRig(t, with(parsedFaults(t, flag)...))
		client, server := r.pair()
		r.wantKind(event.Struck)
		send(t, server, "an answer")
		send(t, client, "a request")
		if flag == "unplug" {
			r.set()
		}
		wantRead(t, client, "an answer")
		wantRead(t, server, "a request")
		_ = client.CloseWrite()
		if rest, err := io.ReadAll(server); err != nil || len(rest) > 0 {
			t.Errorf("%s: got %q, %v", flag, rest, err)
		}
	}
}

// On a unix socket there is no acknowledgement that could be missing.
func TestUnplugCannotStrikeOnUnix(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	r := newRig(t, func(c *Config) {
		c.Listen = "unix:" + path
		c.Toxics = parsedFaults(t, "unplug name=gone")
	})
	client, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	server := r.accept()
	send(t, server, "passes")
	wantRead(t, client, "passes")
	r.wantKind(event.CannotStrike)
	if r.hasStruck("gone") {
		t.Error("it has struck")
	}
}
