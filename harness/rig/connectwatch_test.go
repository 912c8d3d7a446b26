package rig

import (
	"net/netip"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/proxy"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/sock"
)

// Where the kernel tells of no SYN, the accepted connects are the attempts.
func TestAcceptsAreAttempts(t *testing.T) {
	s := proxied(t, scenario.Target{})
	w := watchConnects(s, false)
	defer w.stop()
	for range 2 {
		conn, err := dial(t.Context(), s.proxyAddress())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	for n := range 2 {
		if _, err := s.log.WaitEvent(t.Context(), func(e event.Event) bool { return e.Kind == event.Accept && e.Conn == uint64(n+1) }); err != nil {
			t.Fatal(err)
		}
	}
	if a := w.attempts(); a.Exact || len(a.At) != 2 || a.Accepted != 2 || a.At[0] > a.At[1] {
		t.Errorf("got %+v, want two accepted connects", a)
	}
}

// The kernel tells of every SYN, of those that are refused too.
func TestRefusedConnectsAreAttempts(t *testing.T) {
	s := proxied(t, scenario.Target{})
	w := watchConnects(s, true)
	defer w.stop()
	if w.syns == nil {
		t.Skip("NOT PROVEN: packets cannot be watched here (CAP_NET_RAW)")
	}
	if err := s.proxy.SetMode(proxy.Refuse); err != nil {
		t.Fatal(err)
	}
	if conn, err := dial(t.Context(), s.proxyAddress()); err == nil {
		conn.Close()
		t.Fatal("connected to a proxy that refuses")
	}
	if _, err := s.log.WaitEvent(t.Context(), func(e event.Event) bool { return e.Kind == event.Refuse && e.Side == event.Client }); err != nil {
		t.Fatal(err)
	}
	if a := w.attempts(); !a.Exact || len(a.At) != 1 || a.Accepted != 0 || a.At[0] <= 0 {
		t.Errorf("got %+v, want one attempt, and none accepted", a)
	}
}

// An attempt has the kernel's time. The proxy logs those that it accepts.
func TestAttemptsAreByTheKernelsClock(t *testing.T) {
	s := proxied(t, scenario.Target{})
	w := watchConnects(s, true)
	defer w.stop()
	if w.syns == nil {
		t.Skip("NOT PROVEN: packets cannot be watched here (CAP_NET_RAW)")
	}
	w.onConnect(sock.ConnectAttempt{At: w.start.Add(time.Second), From: netip.MustParseAddrPort("127.0.0.1:9")})
	if a := w.attempts(); len(a.At) != 1 || a.At[0] != time.Second || len(s.log.AllEvents()) != 0 {
		t.Errorf("got %+v and %v, want one attempt after a second", a, s.log.AllEvents())
	}
}
