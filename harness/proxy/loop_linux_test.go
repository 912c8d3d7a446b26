package proxy

import (
	"net"
	"runtime"
	"testing"

	"github.com/sockharness/harness/harness/event"
)

const quiet = 40 // connections that idle

// Connections without a toxic cost no goroutine; with one they do, the open ones
// too, and none of them loses a byte by that.
func TestQuietConnectionsCostNoGoroutine(t *testing.T) {
	r := newRig(t, nil)
	before := runtime.NumGoroutine()
	for range quiet {
		client, server := r.pair()
		send(t, client, "there")
		wantRead(t, server, "there")
		send(t, server, "back")
		wantRead(t, client, "back")
		t.Cleanup(func() {
			send(t, client, "at last")
			wantRead(t, server, "at last")
			_ = server.CloseWrite()
			wantEnding(t, client, "", event.EOF)
			_ = client.Close()
			wantEnding(t, server, "", event.EOF)
		})
	}
	if grown := runtime.NumGoroutine() - before; grown >= quiet {
		t.Errorf("%d goroutines more for %d connections", grown, quiet)
	}
	if err := r.proxy.SetToxics(chainOf("noop")); err != nil {
		t.Fatal(err)
	}
	until(t, "the toxic has a goroutine of each connection", func() bool { return runtime.NumGoroutine()-before >= 2*quiet })
}

// What comes and ends at once is passed on whole, whoever ends it and however.
func TestEndsInOneStep(t *testing.T) {
	ways(t, func(t *testing.T, r *rig, first, second *net.TCPConn) {
		send(t, first, "all of it")
		_ = first.CloseWrite()
		wantEnding(t, second, "all of it", event.EOF)
		send(t, second, "answer")
		_ = second.Close()
		wantEnding(t, first, "answer", event.EOF)
		r.wantClosed()
	})
}

// A reset that comes after one direction has ended in order is passed on as well.
func TestResetAfterHalfClose(t *testing.T) {
	ways(t, func(t *testing.T, r *rig, first, second *net.TCPConn) {
		_ = first.CloseWrite()
		wantEnding(t, second, "", event.EOF)
		reset(t, first)
		awaitReset(t, second)
		r.wantClosed()
	})
}
