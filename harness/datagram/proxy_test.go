package datagram

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"sync"
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

// An upstream where nobody listens is told of, stops nothing, and is used once it
// is there. The client is told where the system allows it.
func TestUpstreamDead(t *testing.T) {
	for _, host := range []string{"127.0.0.1:0", "[::1]:0"} {
		dead := listen(t, host)
		addr := dead.LocalAddr().String()
		_ = dead.Close()
		p, log := start(t, Config{Listen: host, Upstream: addr})
		client := dial(t, p.Addr().String())
		send(t, client, []byte("lost"))
		e := wait(t, log, event.PortUnreachable)
		if e.Side != event.Server || e.Conn != 1 || !strings.Contains(e.Detail, "connection refused") {
			t.Errorf("got %+v", e)
		}
		if strings.HasSuffix(e.Detail, "the client gets an ICMP error") {
			if _, err := client.Read(make([]byte, 10)); !refused(err) {
				t.Errorf("read %v, want ECONNREFUSED", err)
			}
		} else if os.Getuid() == 0 && runtime.GOOS == "linux" {
			t.Errorf("got %q, though we may open raw sockets", e.Detail)
		} else {
			t.Log("NOT PROVEN without the privilege of raw sockets: the client gets an ICMP error")
		}
		server := listen(t, addr)
		for i := range 5 { // none of these is lost for an error that was about another
			send(t, client, fmt.Append(nil, i))
			reply(t, server, want(t, server, fmt.Append(nil, i)), fmt.Append(nil, i))
			want(t, client, fmt.Append(nil, i))
		}
		_ = server.Close()
		for range 3 {
			_, _ = client.Write([]byte("lost")) // may report the last one
		}
		until(t, "more bounces", func() bool { return count(log, event.PortUnreachable) >= 3 })
	}
}

// A client that is gone hurts nobody else.
func TestClientGone(t *testing.T) {
	server := listen(t, "127.0.0.1:0")
	p, _ := start(t, Config{Upstream: server.LocalAddr().String()})
	gone, stays := dial(t, p.Addr().String()), dial(t, p.Addr().String())
	send(t, gone, []byte("bye"))
	to := want(t, server, []byte("bye"))
	_ = gone.Close()
	for i := range 100 {
		reply(t, server, to, []byte("nobody reads this"))
		send(t, stays, fmt.Append(nil, i))
		reply(t, server, want(t, server, fmt.Append(nil, i)), fmt.Append(nil, i))
		want(t, stays, fmt.Append(nil, i))
	}
}

// The one that is idle for longest makes way.
func TestEviction(t *testing.T) {
	server := listen(t, "127.0.0.1:0")
	p, log := start(t, Config{Upstream: server.LocalAddr().String(), Associations: 2})
	var clients []*net.UDPConn
	for i := range 3 {
		clients = append(clients, dial(t, p.Addr().String()))
		send(t, clients[i], []byte("x"))
		want(t, server, []byte("x"))
		if i == 1 {
			send(t, clients[0], []byte("again"))
			want(t, server, []byte("again"))
		}
	}
	if e := wait(t, log, event.Expire); e.Conn != 2 || !strings.Contains(e.Detail, "the maximum is 2") {
		t.Errorf("got %+v, want number 2 to go", e)
	}
	until(t, "two are left", func() bool { return len(p.OpenAssociations()) == 2 })
	send(t, clients[1], []byte("back"))
	want(t, server, []byte("back"))
	if got := p.TotalTraffic(event.Upstream).Received.Datagrams; got != 5 {
		t.Errorf("%d datagrams counted, want 5", got)
	}
}

// An association ends that was idle for the time, to the moment, and no other.
func TestExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := event.NewLog(0)
		ctx, cancel := context.WithCancel(context.Background())
		p, err := New(Config{Idle: time.Minute, Events: log.AddEvent})
		if err != nil {
			t.Fatal(err)
		}
		p.ctx = ctx
		add := func(n int, list []Toxic) *association {
			k := key{local: netip.AddrFrom4([4]byte{127, 0, 0, byte(n)})}
			a, _ := p.table.addKey(k, func(id uint64) *association { return newAssociation(p, id, k, list) })
			return a
		}
		p.ends.Go(func() { p.table.expireIdle(ctx, p.made) })
		idle, lively := add(1, nil), add(2, nil)
		holding := add(3, makeAll(t, "latency latency=150s direction=upstream"))
		holding.links[event.Upstream].connectSender(func([]byte) error { return nil })
		holding.links[event.Upstream].carryDatagram([]byte("x"))
		for range 10 {
			time.Sleep(20 * time.Second)
			lively.noteActivity()
		}
		synctest.Wait()
		var got []string
		for _, e := range log.AllEvents() {
			if e.Kind == event.Expire {
				got = append(got, fmt.Sprintf("%d at %v", e.Conn, e.At))
			}
		}
		if fmt.Sprint(got) != "[1 at 1m0s 3 at 3m0s]" {
			t.Errorf("got %v; %d idle, %d holds something for 150 s", got, idle.id, holding.id)
		}
		cancel()
		lively.endAssociation("", "")
		p.ends.Wait()
	})
}

// A name that cannot be looked up costs the datagrams that wait for it, not the
// proxy.
func TestUpstreamUnknown(t *testing.T) {
	noGoroutines(t)
	p, log := start(t, Config{Upstream: "127.0.0.1:nobody-has-this-port"})
	client := dial(t, p.Addr().String())
	send(t, client, []byte("x"))
	if e := wait(t, log, event.Close); !strings.Contains(e.Detail, "could not be reached") {
		t.Errorf("got %+v", e)
	}
	until(t, "it is forgotten", func() bool { return len(p.OpenAssociations()) == 0 })
	_ = p.Close()
}

// Close under load, while toxics and modes change, ends everything.
func TestCloseUnderLoad(t *testing.T) {
	noGoroutines(t)
	sets := [][]Toxic{nil, makeAll(t, "latency latency=5 jitter=5", "drop toxicity=0.2"), makeAll(t, "reorder", "duplicate direction=upstream"),
		makeAll(t, "bandwidth rate=0 direction=upstream"), makeAll(t, "latency latency=1h", "bandwidth rate=100 direction=upstream")}
	for range 5 {
		server := listen(t, "127.0.0.1:0")
		p, _ := start(t, Config{Upstream: server.LocalAddr().String(), Associations: 6, Idle: 2 * time.Millisecond})
		stop := make(chan struct{})
		var load sync.WaitGroup
		busy := func(do func(i int)) {
			load.Go(func() {
				for i := 0; ; i++ {
					select {
					case <-stop:
						return
					default:
						do(i)
					}
				}
			})
		}
		for range 8 {
			client := dial(t, p.Addr().String())
			busy(func(int) { _, _ = client.Write([]byte("some payload")) })
		}
		busy(func(int) {
			b := make([]byte, 100)
			_ = server.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
			if n, from, err := server.ReadFromUDP(b); err == nil {
				_, _ = server.WriteToUDP(b[:n], from)
			}
		})
		busy(func(i int) { _ = p.SetToxics(sets[i%len(sets)]) })
		busy(func(i int) { _ = p.SetMode(Mode(i % 3 * (i % 2))); _ = p.OpenAssociations() })
		until(t, "much has passed", func() bool { return p.TotalTraffic(event.Upstream).Received.Datagrams > 300 })
		_ = p.Close()
		close(stop)
		load.Wait()
		_ = server.Close()
		p.WaitClosed()
		if n := len(p.OpenAssociations()); n != 0 {
			t.Errorf("%d associations are left", n)
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

// A query and its answer get through a third of loss, by the patience of the
// client: what a resolver does (RFC 1035 §4.2.1).
func TestResolverThroughLoss(t *testing.T) {
	const queries, tries = 50, 30
	server := listen(t, "127.0.0.1:0")
	p, log := start(t, Config{Upstream: server.LocalAddr().String(), Seed: seed.New(1),
		Toxics: makeAll(t, "drop toxicity=0.3 direction=upstream", "drop toxicity=0.3")})
	go func() {
		b := make([]byte, 512)
		for {
			n, from, err := server.ReadFromUDP(b)
			if err != nil {
				return
			}
			_, _ = server.WriteToUDP(append(b[:2:2], bytes.ToUpper(b[2:n])...), from)
		}
	}()
	client := dial(t, p.Addr().String())
	asked := 0
	for q := range queries {
		id := []byte{byte(rand.Uint32()), byte(q)}
		for try := 0; ; try++ {
			if try == tries {
				t.Fatalf("query %d was not answered", q)
			}
			asked++
			send(t, client, append(id, "example"...))
			if string(resolve(client, id)) == "EXAMPLE" {
				break
			}
		}
	}
	lost := int(count(log, event.Struck))
	t.Logf("%d queries took %d datagrams, %d were lost", queries, asked, lost)
	if asked == queries || lost == 0 {
		t.Error("nothing was lost")
	}
	_ = server.Close()
}

// resolve returns the answer to a query, nil when none comes.
func resolve(c *net.UDPConn, id []byte) []byte {
	b := make([]byte, 512)
	_ = c.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	for {
		n, err := c.Read(b)
		if err != nil {
			return nil
		}
		if n >= 2 && bytes.Equal(b[:2], id) {
			return b[2:n]
		}
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
