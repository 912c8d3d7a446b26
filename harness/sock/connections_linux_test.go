package sock_test

import (
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/sock"
)

// The kernel tells of a connection while it is open, and of the end that closed first when it
// is over.
func TestConnections(t *testing.T) {
	d := openDiag(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	at := netip.MustParseAddrPort(l.Addr().String())
	from := netip.MustParseAddrPort(client.LocalAddr().String())
	if c := onlyConnection(t, d, at.Port(), false); c.Local != at || c.Remote != from || c.State != sock.Established || c.Inode == 0 || c.Idle != 0 {
		t.Errorf("the server's end: %+v", c)
	}
	if c := onlyConnection(t, d, at.Port(), true); c.Local != from || c.Remote != at || c.State != sock.Established || c.Inode == 0 {
		t.Errorf("the client's end: %+v", c)
	}
	client.Close()
	_, _ = server.Read(make([]byte, 1))
	server.Close()
	deadline := time.Now().Add(time.Minute)
	for {
		all, err := d.Connections(at.Port(), true)
		if err != nil {
			t.Fatal(err)
		}
		over := func(c sock.Connection) bool {
			return c.Local == from && c.State == sock.TimeWait && c.Inode == 0 && c.Idle < 50*time.Second
		}
		if slices.ContainsFunc(all, over) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("none that is over: %+v", all)
		}
	}
}

// onlyConnection returns the one that is open: who had the port before us may have left
// others that are over.
func onlyConnection(t *testing.T, d *sock.Diag, port uint16, far bool) sock.Connection {
	t.Helper()
	all, err := d.Connections(port, far)
	all = slices.DeleteFunc(all, func(c sock.Connection) bool { return c.State == sock.TimeWait })
	if err != nil || len(all) != 1 {
		t.Fatalf("connections of port %d: %+v, %v", port, all, err)
	}
	return all[0]
}

func BenchmarkConnections(b *testing.B) {
	d, err := sock.OpenDiag()
	if err != nil {
		b.Skip(err)
	}
	defer d.Close()
	for b.Loop() {
		if _, err := d.Connections(1, false); err != nil {
			b.Fatal(err)
		}
	}
}
