package datagram

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/seed"
	"github.com/sockharness/harness/toxics"
)

// bound is how long a test waits for what must come.
const bound = 30 * time.Second

// listen opens a socket that plays a server.
func listen(t testing.TB, addr string) *net.UDPConn {
	t.Helper()
	c, err := bindPort(context.Background(), addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetReadBuffer(portBuffer)
	return c
}

// dial opens a socket that plays a client.
func dial(t testing.TB, addr string) *net.UDPConn {
	t.Helper()
	c, err := net.Dial("udp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetReadDeadline(time.Now().Add(bound))
	return c.(*net.UDPConn)
}

// start runs a proxy and returns it with its events.
func start(t testing.TB, cfg Config) (*Proxy, *event.Log) {
	t.Helper()
	log := event.NewLog(0)
	if cfg.Listen == "" {
		cfg.Listen = "127.0.0.1:0"
	}
	cfg.Events = log.AddEvent
	p, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p, log
}

func send(t testing.TB, c *net.UDPConn, payload []byte) {
	t.Helper()
	if _, err := c.Write(payload); err != nil {
		t.Fatal(err)
	}
}

// scratch is for one test at a time.
var scratch [bufferSize]byte

// receive reads one datagram and returns who sent it.
func receive(t testing.TB, c *net.UDPConn) ([]byte, *net.UDPAddr) {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(bound))
	n, from, err := c.ReadFromUDP(scratch[:])
	if err != nil {
		t.Fatal(err)
	}
	return slices.Clone(scratch[:n]), from
}

func want(t testing.TB, c *net.UDPConn, payload []byte) *net.UDPAddr {
	t.Helper()
	got, from := receive(t, c)
	if !bytes.Equal(got, payload) {
		t.Fatalf("got %d bytes %.40q, want %d bytes %.40q", len(got), got, len(payload), payload)
	}
	return from
}

func reply(t testing.TB, c *net.UDPConn, to *net.UDPAddr, payload []byte) {
	t.Helper()
	if _, err := c.WriteToUDP(payload, to); err != nil {
		t.Fatal(err)
	}
}

func until(t testing.TB, what string, reached func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(bound); !reached(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("never came: %s", what)
		}
	}
}

// wait waits for an event of the kind.
func wait(t testing.TB, log *event.Log, k event.Kind) event.Event {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), bound)
	defer cancel()
	e, err := log.WaitEvent(ctx, func(e event.Event) bool { return e.Kind == k })
	if err != nil {
		t.Fatalf("no %s in %v", k, log.AllEvents())
	}
	return e
}

func count(log *event.Log, k event.Kind) (n int) {
	for _, e := range log.AllEvents() {
		if e.Kind == k {
			n++
		}
	}
	return n
}

func mustMake(t testing.TB, flag string) Toxic {
	t.Helper()
	spec, err := toxics.ParseFlag(flag)
	if err != nil {
		t.Fatal(err)
	}
	made, err := MakeToxic(spec)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func makeAll(t testing.TB, flags ...string) (list []Toxic) {
	t.Helper()
	for _, f := range flags {
		list = append(list, mustMake(t, f))
	}
	return list
}

// An arrival is a datagram that came out of a link.
type arrival struct {
	payload string
	at      time.Duration
}

// A bench is a link without sockets, in the time of synctest.
type bench struct {
	*link
	start time.Time
	ends  sync.WaitGroup

	mu     sync.Mutex
	came   []arrival
	struck []event.Event
}

func newBench(number int64, list []Toxic) *bench {
	b := &bench{start: time.Now()}
	b.link = &link{direction: event.Upstream, ctx: context.Background(), chance: seed.New(number), alarm: make(chan struct{}, 1),
		events: b.event, opposite: &link{}, spawn: b.ends.Go}
	b.updateChain(list)
	b.connectSender(func(payload []byte) error {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.came = append(b.came, arrival{string(payload), time.Since(b.start)})
		return nil
	})
	return b
}

func (b *bench) event(e event.Event) {
	if e.Kind == event.Struck || e.Kind == event.Lost {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.struck = append(b.struck, e)
	}
}

func (b *bench) payloads() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var list []string
	for _, a := range b.came {
		list = append(list, a.payload)
	}
	return strings.Join(list, " ")
}

func (b *bench) finish() {
	b.closeLink()
	b.ends.Wait()
}

// play sends the numbers from 1 to n through a link, one each millisecond, waits
// for all that comes of them, and returns it and what struck.
func play(t *testing.T, seed int64, n int, flags ...string) (string, []event.Event) {
	t.Helper()
	list := makeAll(t, flags...)
	var came string
	var struck []event.Event
	synctest.Test(t, func(t *testing.T) {
		b := newBench(seed, list)
		for i := range n {
			b.carryDatagram(fmt.Append(nil, i+1))
			time.Sleep(time.Millisecond)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		came, struck = b.payloads(), b.struck
		b.finish()
	})
	return came, struck
}

// noGoroutines fails when more goroutines run at the end of the test than now.
func noGoroutines(t *testing.T) {
	t.Helper()
	before := runtime.NumGoroutine()
	t.Cleanup(func() {
		var stacks [1 << 16]byte
		for end := time.Now().Add(bound); runtime.NumGoroutine() > before; runtime.Gosched() {
			if time.Now().After(end) {
				t.Fatalf("%d goroutines, before %d:\n%s", runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks[:], true)])
			}
		}
	})
}
