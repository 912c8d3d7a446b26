package proxy

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/event"
)

// collect serves a listener and sends what each connection has brought.
func collect(t *testing.T, l net.Listener) <-chan string {
	t.Helper()
	got := make(chan string, 1000)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = c.Close() }()
				data, err := io.ReadAll(c)
				if err != nil {
					data = append(data, err.Error()...)
				}
				got <- string(data)
			}()
		}
	}()
	return got
}

// What a client has written before the proxy was closed arrives, and the client was the
// first to end.
func TestCloseDrainsWhatTheKernelHolds(t *testing.T) {
	l := listen(t)
	got := collect(t, l)
	for i := range 200 {
		log := event.NewLog(0)
		p, err := New(Config{Name: "p", Listen: "127.0.0.1:0", Upstream: l.Addr().String(), Events: log.AddEvent, Drain: bound})
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Start(context.Background()); err != nil {
			t.Fatal(err)
		}
		c, err := tryDial(p.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		send(t, c, "last words")
		_ = c.Close()
		_ = p.Close()
		if text := <-got; text != "last words" {
			t.Fatalf("try %d: the server got %q", i, text)
		}
		for _, e := range log.AllEvents() {
			if e.First && e.Side != event.Client {
				t.Fatalf("try %d: %s was blamed: %+v", i, e.Side, log.AllEvents())
			}
		}
	}
}

func TestCloseIsBounded(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Drain = 20 * time.Millisecond })
	client, server := r.pair()
	sent := make(chan struct{})
	go func() { // until nobody takes it any more
		defer close(sent)
		_, _ = io.Copy(client, strings.NewReader(strings.Repeat("x", 64<<20)))
	}()
	until(t, "the way is full", func() bool { return r.proxy.TotalTraffic(event.Upstream).Received > 100_000 })
	if err := r.proxy.Close(); err != nil {
		t.Fatal(err)
	}
	_ = server.Close()
	<-sent
}

func TestCloseNowDropsWhatIsHeld(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Drain = time.Hour })
	client, _ := r.pair()
	go func() { _, _ = io.Copy(client, strings.NewReader(strings.Repeat("x", 64<<20))) }()
	until(t, "the way is full", func() bool { return r.proxy.TotalTraffic(event.Upstream).Received > 100_000 })
	_ = r.proxy.CloseNow() // it would take an hour
}

func TestShutdownWaitsForTheConnections(t *testing.T) {
	r := newRig(t, nil)
	client, server := r.pair()
	ended := make(chan error, 1)
	go func() { ended <- r.proxy.Shutdown(context.Background()) }()
	until(t, "nobody is accepted", func() bool {
		r.proxy.gate.mu.Lock()
		defer r.proxy.gate.mu.Unlock()
		return r.proxy.gate.closed
	})
	send(t, client, "question")
	wantRead(t, server, "question")
	send(t, server, "answer")
	_ = server.Close()
	wantEnding(t, client, "answer", event.EOF)
	select {
	case err := <-ended:
		t.Fatalf("shut down before its connection had ended: %v", err)
	default:
	}
	_ = client.Close()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	r = newRig(t, nil)
	r.pair()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	if err := r.proxy.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	r.proxy.WaitClosed()
}

func TestWaitIdle(t *testing.T) {
	r := newRig(t, nil)
	client, server := r.pair()
	for range 100 {
		send(t, client, "question")
		if err := r.proxy.WaitIdle(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := r.proxy.TotalTraffic(event.Upstream).Sent % 8; got != 0 {
			t.Fatalf("%d bytes are under way", got)
		}
	}
	wantRead(t, server, strings.Repeat("question", 100))
	never, _ := New(Config{})
	if err := never.WaitIdle(t.Context()); err != nil {
		t.Error(err)
	}
}

// What ends one connection, some of them, or all.
func TestEndConnections(t *testing.T) {
	r := newRig(t, nil)
	client, server := r.pair()
	other, otherServer := r.pair()
	if n := r.proxy.EndConnections(TerminateReset, func(c Connection) bool { return c.Client == client.LocalAddr().String() }); n != 1 {
		t.Errorf("%d were ended", n)
	}
	wantEnding(t, client, "", event.Reset)
	wantEnding(t, server, "", event.Reset)
	if n := r.proxy.EndConnections(FinishDownstream, nil); n != 1 {
		t.Errorf("%d were ended", n)
	}
	wantEnding(t, other, "", event.EOF)
	send(t, other, "still open")
	_ = other.CloseWrite()
	wantEnding(t, otherServer, "still open", event.EOF)
	if r.proxy.EndConnection(99, TerminateReset) {
		t.Error("there is no connection 99")
	}
}
