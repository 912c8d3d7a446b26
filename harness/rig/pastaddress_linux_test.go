package rig

import (
	"context"
	"net"
	"net/netip"
	"testing"

	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/sock"
)

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
