package proxy

import (
	"math"
	"net"
	"runtime"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/sockharness/harness/harness/event"
)

const quiet = 40 // connections that idle

// Connections without a toxic, or with delays only, cost no goroutine; with another one
// they do, the open ones too, and none of them loses a byte by that.
func TestQuietConnectionsCostNoGoroutine(t *testing.T) {
	for name, list := range map[string][]Toxic{"plain": nil, "delayed": delays(t, 1)} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, with(list...))
			before := runtime.NumGoroutine()
			for range quiet {
				converseUntilTheEnd(t, r)
			}
			if grown := runtime.NumGoroutine() - before; grown >= quiet {
				t.Errorf("%d goroutines more for %d connections", grown, quiet)
			}
			if err := r.proxy.SetToxics(chainOf("noop")); err != nil {
				t.Fatal(err)
			}
			until(t, "the toxic has a goroutine of each connection", func() bool { return runtime.NumGoroutine()-before >= 2*quiet })
		})
	}
}

// converseUntilTheEnd opens a connection that works, and works still when the test ends.
func converseUntilTheEnd(t *testing.T, r *rig) {
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

// What a connection holds without a goroutine, and the end behind it, comes when the
// delay becomes another one, or none, and goes through a toxic that takes its place.
func TestHeldWithoutAGoroutine(t *testing.T) {
	const hour = 3_600_000
	for name, list := range map[string][]Toxic{
		"delay removed": nil, "delay shortened": delays(t, 1), "delay replaced": chainOf("noop"),
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, with(delays(t, hour)...))
			before := runtime.NumGoroutine()
			client, server := r.pair()
			send(t, client, "he")
			until(t, "the first half is held", func() bool { return r.proxy.TotalTraffic(event.Upstream).Received == 2 })
			send(t, client, "ld")
			_ = client.CloseWrite()
			r.wantEvent("FIN of the client", func(e event.Event) bool { return e.Kind == event.FIN && e.Offset == 4 })
			if grown := runtime.NumGoroutine() - before; grown > 0 {
				t.Errorf("%d goroutines more", grown)
			}
			if err := r.proxy.SetToxics(list); err != nil {
				t.Fatal(err)
			}
			wantEnding(t, server, "held", event.EOF)
			_ = server.Close()
			wantEnding(t, client, "", event.EOF)
			r.wantClosed()
		})
	}
}

// The kernel may tell twice of the end of a stream: once with what was read behind the
// first event, and once more. That is no reset, which would cost goroutines.
func TestEndToldTwice(t *testing.T) {
	r := newRig(t, with(delays(t, 3_600_000)...))
	before := runtime.NumGoroutine()
	client, _ := r.pair()
	_, _ = client.Write([]byte("held"))
	_ = client.CloseWrite()
	r.wantEvent("FIN of the client", func(e event.Event) bool { return e.Kind == event.FIN && e.Offset == 4 })
	r.tellAgain(client)
	r.pair() // by when the loop has looked
	if grown := runtime.NumGoroutine() - before; grown > 0 {
		t.Errorf("%d goroutines more", grown)
	}
}

// tellAgain has the kernel repeat to the loop what there is about the client's connection.
func (r *rig) tellAgain(client *net.TCPConn) {
	for fd := range 1 << 10 {
		peer, err := unix.Getpeername(fd)
		if at, is := peer.(*unix.SockaddrInet4); err != nil || !is || at.Port != client.LocalAddr().(*net.TCPAddr).Port {
			continue
		}
		events := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLRDHUP | unix.EPOLLET, Fd: int32(fd)}
		if err := unix.EpollCtl(r.proxy.shared.loops.first.epoll, unix.EPOLL_CTL_MOD, fd, &events); err != nil {
			r.t.Fatal(err)
		}
		return
	}
	r.t.Fatal("the proxy has no socket of the client")
}

// An answer that is held while its connection is open in that direction only costs no
// goroutine, however long that is.
func TestHeldWhileHalfClosed(t *testing.T) {
	const hour = 3_600_000
	r := newRig(t, with(delays(t, hour)...))
	client, server := r.pair()
	before := runtime.NumGoroutine()
	_ = client.CloseWrite()
	send(t, server, "held")
	_ = server.Close()
	until(t, "the answer is held", func() bool { return r.proxy.TotalTraffic(event.Downstream).Received == 4 })
	r.passTicks(3)
	if grown := runtime.NumGoroutine() - before; grown > 0 {
		t.Errorf("%d goroutines more", grown)
	}
	if err := r.proxy.SetToxics(nil); err != nil {
		t.Fatal(err)
	}
	wantEnding(t, client, "held", event.EOF)
	r.wantClosed()
}

// passTicks waits until the loops have been told so often that time has passed.
func (r *rig) passTicks(n uint64) {
	l := r.proxy.shared.loops.first
	end := l.ticks.Load() + n
	until(r.t, "ticks have passed", func() bool { return l.ticks.Load() >= end })
}

// A connection that ends by a reset costs no goroutine, whichever side ends it, also
// behind its FIN.
func TestResetCostsNoGoroutine(t *testing.T) {
	ways(t, func(t *testing.T, r *rig, first, second *net.TCPConn) {
		send(t, first, "sent before")
		reset(t, first)
		wantEnding(t, second, "sent before", event.Reset)
		r.wantClosed()
		r.wantNoHandOff()
	})
	ways(t, func(t *testing.T, r *rig, first, second *net.TCPConn) {
		_ = first.CloseWrite()
		wantEnding(t, second, "", event.EOF)
		reset(t, first)
		awaitReset(t, second)
		r.wantClosed()
		r.wantNoHandOff()
	})
}

// wantNoHandOff checks that the loops have carried every connection alone.
func (r *rig) wantNoHandOff() {
	r.t.Helper()
	if n := r.proxy.shared.loops.handOffs.Load(); n != 0 {
		r.t.Errorf("%d connections had goroutines", n)
	}
}

// What is held for a client that is gone does not keep the connection.
func TestResetOfWhomSomethingIsHeldFor(t *testing.T) {
	r := newRig(t, with(delays(t, 3_600_000)...))
	client, server := r.pair()
	send(t, server, "held")
	until(t, "the answer is held", func() bool { return r.proxy.TotalTraffic(event.Downstream).Received > 0 })
	reset(t, client)
	awaitReset(t, server)
	r.wantClosed()
	r.wantNoHandOff()
}

// Small messages are no bulk, however many there are.
func TestSmallMessagesStayInTheLoop(t *testing.T) {
	r := newRig(t, nil)
	client, server := r.pair()
	message := string(noise(512))
	for range 4 * loopBulk / len(message) {
		send(t, client, message)
		wantRead(t, server, message)
	}
	r.wantNoHandOff()
}

// Other loops accept, too, after a crowd, and no longer than that.
func TestLoopsShareThePortAfterACrowd(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	r := newRig(t, nil)
	all := &r.proxy.shared.loops
	port := r.proxy.gate.loopPort
	wantHelpers := func(want int) {
		t.Helper()
		got := 0
		all.eachLoop(func(l *loop) {
			port.mu.Lock()
			defer port.mu.Unlock()
			if l != all.first && slices.Contains(port.loops, l) {
				got++
			}
		})
		if got != want {
			t.Errorf("%d other loops accept, want %d", got, want)
		}
		client, server := r.pair()
		send(t, client, "there")
		wantRead(t, server, "there")
	}
	wantHelpers(0)
	for range 2 {
		all.busySince.Store(math.MaxInt64)
		all.addLoops([]*loopPort{port})
		wantHelpers(3)
		all.busySince.Store(0)
		if all.others[0].keepsHelping() {
			t.Error("a loop helps long after the crowd")
		}
		wantHelpers(0)
	}
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

// Where the process uses one processor, the loop waits without a thread, and carries all the same.
func TestLoopOnOneProcessor(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	r := newRig(t, nil)
	first := r.proxy.shared.loops.first
	if first == nil || !first.oneProcessor {
		t.Fatal("the loop holds a thread")
	}
	for range quiet {
		converseUntilTheEnd(t, r)
	}
	if n := r.proxy.shared.loops.handOffs.Load(); n > 0 {
		t.Errorf("%d connections went to goroutines", n)
	}
}
