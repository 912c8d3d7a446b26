package proxy

import (
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sockharness/harness/harness/event"
)

// An upstream whose backlog is full is waited for, by the connect that was begun: it sees
// one connection, not another one that ended at once.
func TestConnectThatIsNotDoneAtOnce(t *testing.T) {
	r := newRig(t, nil)
	raw, err := r.listener.SyscallConn()
	if err == nil {
		err = raw.Control(func(fd uintptr) { _ = unix.Listen(int(fd), 0) }) // room for one
	}
	if err != nil {
		t.Fatal(err)
	}
	first := dial(t, r.listener.Addr().String())
	client := dial(t, r.proxy.Addr().String())
	send(t, client, "there")
	r.wantEvent("accept", func(e event.Event) bool { return e.Kind == event.Accept })
	before := r.accept()
	if before.RemoteAddr().String() != first.LocalAddr().String() {
		t.Fatal("the connection that filled the backlog is not the first one")
	}
	server := r.accept()
	wantRead(t, server, "there")
	send(t, server, "back")
	wantRead(t, client, "back")
	r.wantNoHandOff()
}

// A name is looked up again when where it was cannot be dialled any more, and by nobody
// as long as it can.
func TestNameThatMoves(t *testing.T) {
	var name string
	r := newRig(t, func(c *Config) {
		_, port, _ := net.SplitHostPort(c.Upstream)
		name = "localhost:" + port
		c.Upstream = name
	})
	gone := listen(t)
	_ = gone.Close()
	r.proxy.named.Store(&dialledName{name, gone.Addr().String(), time.Now()})
	for range 2 {
		client, server := r.pair()
		send(t, client, "there")
		wantRead(t, server, "there")
		if at := r.proxy.knownAddress(name); at != r.listener.Addr().String() {
			t.Errorf("the upstream is known at %q", at)
		}
	}
	r.wantNoHandOff()
	if old := time.Now().Add(-2 * nameAge); r.proxy.knownAddress(name) != "" {
		r.proxy.named.Store(&dialledName{name, gone.Addr().String(), old})
	}
	if at := r.proxy.knownAddress(name); at != "" {
		t.Errorf("after a long time the upstream is known at %q", at)
	}
}
