package sock_test

import (
	"errors"
	"net"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/sock"
)

func TestTCPInfoAndQueues(t *testing.T) {
	linuxOnly(t)
	client, server := pair(t)
	write(t, client, "12345")
	until(t, func() bool { n, err := sock.OutQueue(client); return n == 0 && err == nil })
	if n, err := sock.InQueue(server); n != 5 || err != nil {
		t.Errorf("unread: got %d, %v, want 5", n, err)
	}
	if info, err := sock.TCPInfo(client); err != nil || info.State != sock.Established || info.BytesAcked != 6 {
		t.Errorf("sender: got %+v, %v, want established, SYN and 5 bytes acknowledged", info, err)
	}
	if info, err := sock.TCPInfo(server); err != nil || info.BytesReceived != 5 {
		t.Errorf("receiver: got %+v, %v, want 5 bytes", info, err)
	}
	client.CloseWrite()
	until(t, func() bool { info, err := sock.TCPInfo(server); return info.State == sock.CloseWait && err == nil })
}

func TestOutQueueOfABlockedSender(t *testing.T) {
	linuxOnly(t)
	client, server := shapedPair(t)
	total := fill(t, server)
	queued, err := sock.OutQueue(server)
	if err != nil {
		t.Fatal(err)
	}
	unread, err := sock.InQueue(client)
	if err != nil {
		t.Fatal(err)
	}
	if queued+unread != total {
		t.Errorf("got %d queued here and %d there, want %d together", queued, unread, total)
	}
	if info, err := sock.TCPInfo(server); err != nil || info.Unsent == 0 || int(info.Unsent) > queued {
		t.Errorf("got %+v, %v, want up to %d bytes unsent", info, err, queued)
	}
}

func TestQueuesOfUnix(t *testing.T) {
	linuxOnly(t)
	client, server := unixPair(t)
	write(t, client, "12345")
	if n, err := sock.OutQueue(client); n == 0 || err != nil {
		t.Errorf("unread: got %d, %v", n, err)
	}
	if n, err := sock.InQueue(server); n != 5 || err != nil {
		t.Errorf("got %d, %v, want 5", n, err)
	}
	wantRead(t, server, nil)
	if n, err := sock.OutQueue(client); n != 0 || err != nil {
		t.Errorf("all is read: got %d, %v, want 0", n, err)
	}
	if info, err := sock.TCPInfo(client); !errors.Is(err, sock.ErrUnsupported) {
		t.Errorf("got %+v, %v, want unsupported", info, err)
	}
}

func TestInfoOfAClosedConnection(t *testing.T) {
	client, _ := pair(t)
	client.Close()
	_, info := sock.TCPInfo(client)
	_, out := sock.OutQueue(client)
	if !errors.Is(info, net.ErrClosed) || !errors.Is(out, net.ErrClosed) {
		t.Errorf("got %v and %v, want %v", info, out, net.ErrClosed)
	}
}

func TestStateNames(t *testing.T) {
	for s, want := range map[sock.State]string{1: "established", 7: "close", 10: "listen", 12: "syn-received", 0: "unknown", 200: "unknown"} {
		if got := s.String(); got != want {
			t.Errorf("%d: got %q, want %q", s, got, want)
		}
	}
}

// until returns when the kernel says so.
func until(t *testing.T, true func() bool) {
	t.Helper()
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for ctx := bounded(t); !true(); {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			t.Fatal("did not become true")
		}
	}
}
