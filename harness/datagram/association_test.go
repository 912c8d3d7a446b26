package datagram

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sockharness/harness/harness/event"
)

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
