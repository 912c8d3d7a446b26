package runner

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/sock"
	"github.com/sockharness/harness/toxics/spec"
)

// A client that leaves the proxy, since its protocol tells it an address, is the reason why a
// fault does not strike, and is told of without one.
func TestClientThatLeavesTheProxyIsSeen(t *testing.T) {
	target := programTarget(t, scenario.Client)
	self := target.Client.Command[0]
	target.Server = scenario.Peer{Command: []string{self, "program-telling", "{port}"}, Env: target.Client.Env}
	target.Client.Command = []string{self, "program-leaving", "{addr}"}
	never := scenario.Variant{Name: "never", Faults: []spec.Spec{scenario.FaultAt("half_close", event.Downstream, 500, nil)}, Expect: []scenario.Expectation{scenario.ExpectCompletion()}}
	s := playing(never)
	s.Roles = []scenario.Role{scenario.Client}
	r := play1(t, target, s)
	want(t, r, outcome.Invalid, "did not strike", "1 connection came to the server past the proxy")
	if notes := strings.Join(r.Notes, "\n"); !strings.Contains(notes, "without a fault: 1 connection came to the server past the proxy") {
		t.Errorf("got the notes %q, want that the client leaves the proxy without a fault too", notes)
	}
}

// Of a server that we have not started the sockets of the client tell: those of others that
// are connected to it do not count, nor does the client's connection to the proxy.
func TestSocketsOfAClientTellThatItLeaves(t *testing.T) {
	target := programTarget(t, scenario.Client)
	var listeners [2]net.Listener
	for i := range listeners {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		listeners[i] = l
	}
	wire, server := listeners[0].Addr(), listeners[1].Addr()
	command := peer.Command{Args: []string{target.Client.Command[0], "program-holding", wire.String(), server.String()}, Env: target.Client.Env}
	process, err := command.StartClient(t.Context(), peer.VarsAt(wire.String()))
	if err != nil {
		t.Fatal(err)
	}
	defer process.Close()
	other, err := net.Dial("tcp", server.String())
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	var last net.Conn
	for i, n := range []int{1, 2} {
		for range n {
			if last, err = listeners[i].Accept(); err != nil {
				t.Fatal(err)
			}
			defer last.Close()
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if n := watchUntil(ctx, process, wire, server.String()); n != 0 {
		t.Errorf("got %d connections after the end of the wait, want 0", n)
	}
	w := clientWatch{process: process, proxy: wire.(*net.TCPAddr).AddrPort(), looks: map[uint32]uint{}, past: map[netip.AddrPort]bool{}}
	if w.servers, w.port, err = resolveServer(t.Context(), server.String()); err != nil {
		t.Fatal(err)
	}
	if w.diag, err = sock.OpenDiag(); err != nil {
		t.Fatal(err)
	}
	defer w.diag.Close()
	for range 4 {
		w.lookAtSockets()
	}
	if len(w.past) != 1 || w.past[other.LocalAddr().(*net.TCPAddr).AddrPort()] {
		t.Errorf("got %v, want the client's connection alone", w.past)
	}
}

// Connections of other variants and of the controls side by side, through other proxies, are
// not past the proxy.
func TestOtherProxiesAreNotPastTheProxy(t *testing.T) {
	target := programTarget(t, scenario.Client)
	self := target.Client.Command[0]
	target.Server = scenario.Peer{Command: []string{self, "program-server", "{port}"}, Env: target.Client.Env}
	variants := make([]scenario.Variant, 4)
	for i := range variants {
		variants[i] = scenario.Variant{Name: fmt.Sprint("never", i), Faults: []spec.Spec{scenario.FaultAt("half_close", event.Downstream, 500, nil)}, Expect: []scenario.Expectation{scenario.ExpectCompletion()}}
	}
	s := playing(variants...)
	s.Roles = []scenario.Role{scenario.Client}
	r := New(Config{Seed: 1, Budget: 500 * time.Millisecond, Clients: 4, Tmp: t.TempDir()})
	defer r.Close()
	for _, result := range r.RunScenario(t.Context(), target, s) {
		if text := result.Message + strings.Join(result.Notes, "\n"); result.Verdict != outcome.Invalid || strings.Contains(text, "past the proxy") {
			t.Errorf("got %s %q, want invalid, and nothing past the proxy", result.Verdict, text)
		}
	}
}
