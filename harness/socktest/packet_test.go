package socktest_test

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/socktest"
)

func TestUnstruckPacketInjectionFails(t *testing.T) {
	tb := play(func(t testing.TB) {
		px := socktest.NewPacketProxy(t, socktest.NewPacketServer(t, upper).Addr(), socktest.Seed(7))
		px.Inject(socktest.Drop(socktest.Upstream).AtDatagram(2))
		client := socktest.DialPacket(t, px.Addr())
		client.Send("hello")
		client.Want("HELLO")
	})
	wantSaid(t, tb, true,
		"the injection drop direction=upstream at.segment=2 only=true never struck, so that the test proves nothing (if it may miss, call Maybe on it)\nclient 1: 1 datagram upstream and 1 datagram downstream passed on",
		"seed 7; to run the test again: HARNESS_SEED=7 go test -run '^TestX$'")
	tb = play(func(t testing.TB) {
		px := socktest.NewPacketProxy(t, "127.0.0.1:1", socktest.Faults(socktest.Drop(socktest.Upstream)))
		px.Inject(socktest.Drop(socktest.Downstream)).Maybe().Remove()
	})
	wantSaid(t, tb, true, "the injection drop direction=upstream never struck", "no client has connected to the proxy")
}

// A datagram that the test has sent right before its end has still been struck.
func TestLastDatagramIsStruck(t *testing.T) {
	for range 20 {
		wantSaid(t, play(func(t testing.TB) {
			px := socktest.NewPacketProxy(t, socktest.NewPacketServer(t, upper).Addr())
			px.Inject(socktest.Drop(socktest.Upstream))
			socktest.DialPacket(t, px.Addr()).Send("hello")
		}), false)
	}
}

func TestMistakesWithPackets(t *testing.T) {
	for want, call := range map[string]func(t testing.TB){
		"upstream: a packet proxy speaks UDP":    func(t testing.TB) { socktest.NewPacketProxy(t, "unix:/x") },
		"option TLS is not one of this call":     func(t testing.TB) { socktest.NewPacketProxy(t, "127.0.0.1:1", socktest.TLS()) },
		"works on streams only":                  injectPacket(socktest.ResetAt(socktest.Upstream, 1)),
		"datagrams are numbered from 1, got 0":   injectPacket(socktest.Drop(socktest.Upstream).AtDatagram(0)),
		"at.event=eof does not occur":            injectPacket(socktest.Drop(socktest.Upstream).AtEnd()),
		"clients of a proxy are numbered from 1": func(t testing.TB) { socktest.NewPacketProxy(t, "127.0.0.1:1").Client(0) },
		"inject it into what NewPacketProxy":     inject(socktest.Drop(socktest.Upstream)),
		"the function that answers is nil":       func(t testing.TB) { socktest.NewPacketServer(t, nil) },
		"dial x: missing port":                   func(t testing.TB) { socktest.DialPacket(t, "x") },
		`want "a": nothing came for 1ms`:         func(t testing.TB) { dialSilent(t).Want("a") },
		"next: nothing came for 1ms":             func(t testing.TB) { dialSilent(t).Next() },
		"want a refusal: nothing came for 1ms":   func(t testing.TB) { dialSilent(t).WantRefused() },
		"the datagram differs":                   func(t testing.TB) { dialUpper(t, "a").Want("B") },
		`want silence for 30s: got "A"`:          func(t testing.TB) { dialUpper(t, "a").WantSilence(30 * time.Second) },
		`want a refusal: got "A"`:                func(t testing.TB) { dialUpper(t, "a").WantRefused() },
		`the packet server's function panicked`:  panicAtPacket,
	} {
		tb := play(call)
		wantSaid(t, tb, true, want)
		if strings.Contains(tb.said(), "never struck") {
			t.Errorf("%s: a second failure: %s", want, tb.said())
		}
	}
}

func injectPacket(f socktest.Fault) func(testing.TB) {
	return func(t testing.TB) { socktest.NewPacketProxy(t, "127.0.0.1:1").Inject(f) }
}

func dialSilent(t testing.TB) *socktest.PacketPeer {
	server := socktest.NewPacketServer(t, func(string) []string { return nil })
	return socktest.DialPacket(t, server.Addr(), socktest.Within(time.Millisecond))
}

func dialUpper(t testing.TB, text string) *socktest.PacketPeer {
	client := socktest.DialPacket(t, socktest.NewPacketServer(t, upper).Addr())
	client.Send(text)
	return client
}

func panicAtPacket(t testing.TB) {
	called := make(chan struct{})
	server := socktest.NewPacketServer(t, func(string) []string { defer close(called); panic("ouch") })
	socktest.DialPacket(t, server.Addr()).Send("x")
	<-called
}

// The same seed loses the same datagrams.
func TestSeedDecidesWhichDatagramsAreLost(t *testing.T) {
	lost := func(seed int64) (through []string) {
		wantSaid(t, play(func(t testing.TB) {
			px := socktest.NewPacketProxy(t, socktest.NewPacketServer(t, upper).Addr(), socktest.Seed(seed))
			px.Inject(socktest.Drop(socktest.Upstream).Sometimes(0.5))
			client := socktest.DialPacket(t, px.Addr())
			for i := range 20 {
				client.Send(fmt.Sprint(i))
			}
			await(t, px, func() bool { return px.Injections()[0].Hits()+px.Client(1).Passed(socktest.Upstream) == 20 })
			through = px.Client(1).Data(socktest.Upstream)
			px.Inject(socktest.Drop(socktest.Upstream)).Remove() // only now: it would drop what is still on its way
			px.Injections()[1].Maybe()
		}), false)
		return through
	}
	first := lost(42)
	if again := lost(42); !slices.Equal(again, first) {
		t.Errorf("got %v, then %v with the same seed", first, again)
	}
	if other := lost(43); slices.Equal(other, first) {
		t.Errorf("got %v for two seeds", first)
	}
}

func TestNoPacketProxyIsLeft(t *testing.T) {
	goroutines, descriptors := runtime.NumGoroutine(), openDescriptors(t)
	play(func(t testing.TB) {
		for range 20 {
			px := socktest.NewPacketProxy(t, socktest.NewPacketServer(t, upper).Addr())
			px.Inject(socktest.StallAt(socktest.Upstream, 0)) // fails the test
		}
	})
	play(func(t testing.TB) {
		px := socktest.NewPacketProxy(t, socktest.NewPacketServer(t, upper).Addr())
		held := px.Inject(socktest.Latency(socktest.Upstream, time.Hour))
		socktest.DialPacket(t, px.Addr()).Send("held")
		if err := held.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
	until(t, func() bool { return runtime.NumGoroutine() <= goroutines && openDescriptors(t) <= descriptors })
}
