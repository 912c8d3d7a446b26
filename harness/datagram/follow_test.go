package datagram

import (
	"runtime"
	"testing"

	"github.com/sockharness/harness/harness/event"
)

// TestFollowTakesAnswersOfAnotherPort holds a transfer as TFTP does: the client sees one port,
// the proxy's, and the server is asked on the port from which it has answered.
func TestFollowTakesAnswersOfAnotherPort(t *testing.T) {
	asked, transfer := listen(t, "127.0.0.1:0"), listen(t, "127.0.0.1:0")
	p, log := start(t, Config{Name: "tftp", Upstream: asked.LocalAddr().String(), Follow: true})
	client := dial(t, p.Addr().String())
	send(t, client, []byte("ask"))
	got, from := receive(t, asked)
	if string(got) != "ask" {
		t.Fatalf("the server was asked %q", got)
	}
	for _, block := range []string{"1", "2"} {
		if _, err := transfer.WriteTo([]byte("data "+block), from); err != nil {
			t.Fatal(err)
		}
		if got, at := receive(t, client); string(got) != "data "+block || at.String() != p.Addr().String() {
			t.Fatalf("the client got %q from %s", got, at)
		}
		send(t, client, []byte("ack "+block))
		if got, again := receive(t, transfer); string(got) != "ack "+block || again.String() != from.String() {
			t.Fatalf("the transfer got %q from %s, want the socket at %s", got, again, from)
		}
	}
	if all := p.OpenAssociations(); len(all) != 1 || all[0].Upstream != transfer.LocalAddr().String() {
		t.Errorf("associations %+v", all)
	}
	if n := count(log, event.Dial); n != 1 {
		t.Errorf("%d dials, want 1", n)
	}
}

func TestFollowTellsOfAClosedPort(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("SKIPPED: ICMP errors on a socket that is not connected are Linux's")
	}
	gone := listen(t, "127.0.0.1:0")
	at := gone.LocalAddr().String()
	_ = gone.Close()
	p, log := start(t, Config{Name: "tftp", Upstream: at, Follow: true})
	send(t, dial(t, p.Addr().String()), []byte("ask"))
	if _, err := log.WaitEvent(t.Context(), func(e event.Event) bool { return e.Kind == event.PortUnreachable }); err != nil {
		t.Error(err)
	}
}
