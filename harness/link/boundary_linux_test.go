package link

import (
	"testing"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/sock"
)

// TestReceiverClosed: one that has just closed is on this host all the same.
func TestReceiverClosed(t *testing.T) {
	diag, err := sock.OpenDiag()
	if err != nil {
		t.Skipf("NOT PROVEN: %v", err)
	}
	defer diag.Close()
	to, receiver := tcpPair(t)
	receiver.SetLinger(0)
	receiver.Close()
	pool := &Pool{}
	defer pool.Close()
	from, sender := tcpPair(t)
	defer sender.Close()
	l := New(Config{Source: NewSide(event.Client, from), Dest: NewSide(event.Server, to), Diag: diag, Pool: pool, Owner: keeper(func(event.Event) {}), Patience: &Timeouts{Boundary: bound}}, nil)
	if got, want := l.awaitRead(t.Context()), "unverified: the receiver has closed the connection"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
