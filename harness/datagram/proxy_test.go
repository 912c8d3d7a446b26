package datagram

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/seed"
)

// Every fault does to real sockets what it does to a link alone, to the datagram.
func TestEffectsOnSockets(t *testing.T) {
	for _, flag := range []string{"drop toxicity=0.3", "drop every=4 burst=2", "duplicate toxicity=0.5 copies=2", "reorder hold=10s", "reorder positions=3 toxicity=0.2 hold=3s",
		"truncate size=1 toxicity=0.4", "corrupt toxicity=0.4 bits=3", "latency latency=2 jitter=2", "latency latency=200us jitter=100us"} {
		for _, d := range []event.Direction{event.Upstream, event.Downstream} {
			flag := flag + " direction=" + d.String() + " name=fault"
			t.Run(flag, func(t *testing.T) {
				const n = 100
				toxic := mustMake(t, flag)
				toxic.Name = "fault"
				source := seed.New(5).SplitN(1).SplitBy(d.String())
				expected := expect(t, source, toxic, n)
				server := listen(t, "127.0.0.1:0")
				p, log := start(t, Config{Upstream: server.LocalAddr().String(), Seed: seed.New(5), Toxics: []Toxic{toxic}})
				client := dial(t, p.Addr().String())
				from, to := client.Write, server
				if d == event.Downstream {
					send(t, client, []byte("hello"))
					at := want(t, server, []byte("hello"))
					from, to = func(b []byte) (int, error) { return server.WriteToUDP(b, at) }, client
				}
				for i := range n {
					if _, err := from(fmt.Append(nil, i+1)); err != nil {
						t.Fatal(err)
					}
				}
				var got []string
				for range expected {
					b, _ := receive(t, to)
					got = append(got, string(b))
				}
				if strings.Join(got, " ") != strings.Join(expected, " ") {
					t.Errorf("got  %q\nwant %q", got, expected)
				}
				until(t, "all is counted", func() bool {
					traffic := p.TotalTraffic(d)
					return traffic.Received.Datagrams == n && traffic.Sent.Datagrams == int64(len(expected))
				})
				if e := wait(t, log, event.Struck); e.Toxic != "fault" || e.Direction != d || e.Conn != 1 {
					t.Errorf("got %+v", e)
				}
			})
		}
	}
}

// expect returns what a link without sockets makes of the numbers from 1 to n. A
// packet that waits for company at the end is waited for.
func expect(t *testing.T, source seed.Source, toxic Toxic, n int) (list []string) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(0, nil)
		b.chance = source
		b.updateChain([]Toxic{toxic})
		for i := range n {
			b.carryDatagram(fmt.Append(nil, i+1))
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		for _, a := range b.came {
			list = append(list, a.payload)
		}
		b.finish()
	})
	return list
}

func refused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }

// A refused port answers by ICMP and stays ours; a black hole says nothing.
func TestModes(t *testing.T) {
	for _, addr := range []string{"127.0.0.1:0", "[::1]:0", ":0"} {
		server := listen(t, "127.0.0.1:0")
		p, log := start(t, Config{Listen: addr, Upstream: server.LocalAddr().String(), Mode: Refuse})
		_, port, _ := net.SplitHostPort(p.Addr().String())
		at := p.Addr().String()
		if addr == ":0" {
			at = net.JoinHostPort("127.0.0.1", port)
		}
		client := dial(t, at)
		exchange := func() {
			t.Helper()
			send(t, client, []byte("ask"))
			reply(t, server, want(t, server, []byte("ask")), []byte("answer"))
			want(t, client, []byte("answer"))
		}
		mode := func(m Mode) {
			t.Helper()
			if err := p.SetMode(m); err != nil || p.Mode() != m {
				t.Fatalf("%v: %v", m, err)
			}
		}
		wantRefused := func() {
			t.Helper()
			send(t, client, []byte("lost"))
			if _, err := client.Read(make([]byte, 10)); !refused(err) {
				t.Errorf("%s: read %v, want ECONNREFUSED", addr, err)
			}
			if c, err := net.ListenPacket("udp", p.Addr().String()); err == nil && runtime.GOOS == "linux" {
				_ = c.Close()
				t.Errorf("%s: somebody else could have the port", addr)
			}
		}
		wantRefused()
		mode(Accept)
		exchange()
		mode(Refuse)
		wantRefused()
		mode(BlackHole)
		received := p.TotalTraffic(event.Upstream).Received
		send(t, client, []byte("lost"))
		wait(t, log, event.Lost)
		if now := p.TotalTraffic(event.Upstream).Received; now != received {
			t.Errorf("%s: a black hole has carried %v", addr, now)
		}
		mode(Accept)
		exchange()
		if err := p.SetMode(7); err == nil {
			t.Error("there is a mode 7")
		}
	}
}

func TestStartAndClose(t *testing.T) {
	noGoroutines(t)
	p, err := New(Config{Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	_ = p.Close()
	_ = p.Close()
	p.WaitClosed()
	if err := p.Start(context.Background()); err == nil {
		t.Error("started after Close")
	}
	taken := listen(t, "127.0.0.1:0")
	p, _ = New(Config{Name: "p", Listen: taken.LocalAddr().String()})
	if err := p.Start(context.Background()); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("got %v", err)
	}
	p.WaitClosed()
	ctx, cancel := context.WithCancel(context.Background())
	p, _ = New(Config{Listen: "127.0.0.1:0"})
	if err := p.Start(ctx); err != nil {
		t.Fatal(err)
	}
	cancel() // it is of the start alone
	if err := p.SetMode(Refuse); err != nil {
		t.Errorf("closed with the context of its start: %v", err)
	}
	_ = p.Close()
	p.WaitClosed()
	late, _ := New(Config{Listen: "127.0.0.1:0"})
	if err := late.Start(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if _, err := New(Config{Toxics: append(makeAll(t, "drop"), makeAll(t, "drop")...)}); err == nil {
		t.Error("two toxics of one name")
	}
	if _, err := New(Config{Toxics: []Toxic{{}}}); err == nil {
		t.Error("a toxic that nobody has made")
	}
}

// Triggers that look at the opposite direction, and toxics for some associations
// only.
func TestTriggersAcross(t *testing.T) {
	server := listen(t, "127.0.0.1:0")
	p, _ := start(t, Config{Upstream: server.LocalAddr().String(), Toxics: makeAll(t, "drop direction=downstream at.opposite=bye",
		"truncate direction=upstream at.event=answer size=1", "corrupt direction=upstream connections=2-3 offset=0 bits=8")})
	first := dial(t, p.Addr().String())
	send(t, first, []byte("one"))
	to := want(t, server, []byte("one"))
	reply(t, server, to, []byte("answer"))
	want(t, first, []byte("answer"))
	send(t, first, []byte("two"))
	want(t, server, []byte("t"))
	send(t, first, []byte("goodbye"))
	want(t, server, []byte("g"))
	reply(t, server, to, []byte("never seen"))
	until(t, "the answer is dropped", func() bool { return p.TotalTraffic(event.Downstream).Received.Datagrams == 2 })
	if got := p.TotalTraffic(event.Downstream).Sent.Datagrams; got != 1 {
		t.Errorf("%d answers passed, want 1", got)
	}
	for i, expected := range []string{"\x9e", "\x9e", "a"} { // 2, 3 and 4
		send(t, dial(t, p.Addr().String()), []byte("a"))
		if got, _ := receive(t, server); string(got) != expected {
			t.Errorf("association %d: got %q, want %q", i+2, got, expected)
		}
	}
}

// The kernel tells of ICMP instead of sending the next datagram, which is sent
// all the same.
func TestPendingErrorCostsNothing(t *testing.T) {
	dead := listen(t, "127.0.0.1:0")
	addr := dead.LocalAddr().String()
	_ = dead.Close()
	p, log := start(t, Config{Upstream: addr})
	a := newAssociation(p, 1, key{client: netip.MustParseAddrPort("127.0.0.1:9")}, nil)
	conn := dial(t, addr) // nobody reads from it
	send(t, conn, []byte("lost"))
	server := listen(t, addr)
	if err := a.sendUpstream(conn, []byte("sent")); err != nil {
		t.Fatal(err)
	}
	want(t, server, []byte("sent"))
	if n := count(log, event.PortUnreachable); n != 1 {
		t.Errorf("told of %d times, want once", n)
	}
}
