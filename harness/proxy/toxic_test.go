package proxy

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	tp "github.com/Shopify/toxiproxy/v2/toxics"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/link"
	"github.com/sockharness/harness/toxics"
	"github.com/sockharness/harness/toxics/hook"
)

func down(name string, t tp.Toxic) Toxic {
	return Toxic{Name: name, Toxic: t, Direction: event.Downstream, Toxicity: 1}
}

func with(list ...Toxic) func(*Config) {
	return func(c *Config) { c.Toxics = list }
}

func (r *rig) set(list ...Toxic) {
	r.t.Helper()
	if err := r.proxy.SetToxics(list); err != nil {
		r.t.Fatal(err)
	}
}

// The built-in toxics of Toxiproxy run as they are.
func TestBuiltInToxics(t *testing.T) {
	data := string(noise(100_000))
	for name, test := range map[string]struct {
		toxic tp.Toxic
		want  string
	}{
		"noop":        {&tp.NoopToxic{}, data},
		"latency":     {&tp.LatencyToxic{Latency: 5, Jitter: 2}, data},
		"bandwidth":   {&tp.BandwidthToxic{Rate: 10_000}, data},
		"slicer":      {&tp.SlicerToxic{AverageSize: 5000, SizeVariation: 100}, data},
		"limit_data":  {&tp.LimitDataToxic{Bytes: 70_001}, data[:70_001]},
		"slow_close":  {&tp.SlowCloseToxic{Delay: 10}, data},
		"timeout":     {&tp.TimeoutToxic{Timeout: 10}, ""},
		"reset_peer":  {&tp.ResetToxic{Timeout: 1}, ""},
		"limit_data0": {&tp.LimitDataToxic{}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, with(down("it", test.toxic)))
			client, server := r.pair()
			go func() {
				_, _ = io.WriteString(server, data)
				_ = server.CloseWrite()
			}()
			wantEnding(t, client, test.want, event.EOF)
			_ = client.Close()
			r.wantClosed()
		})
	}
}

// A sender that goes on after the limit neither leaks nor changes what the
// receiver sees: the bytes, then FIN.
func TestLimitWhileTheSenderGoesOn(t *testing.T) {
	r := newRig(t, with(down("limit", &tp.LimitDataToxic{Bytes: 100})))
	for range 20 {
		client, server := r.pair()
		broken := make(chan error, 1)
		go func() {
			for {
				if _, err := server.Write(make([]byte, 5000)); err != nil {
					broken <- err
					return
				}
			}
		}()
		wantEnding(t, client, string(make([]byte, 100)), event.EOF)
		if e := endingFor(<-broken); e != event.BrokenPipe && e != event.Reset {
			t.Errorf("the sender saw %s", e)
		}
	}
}

func TestRemovingATimeoutEndsBothSides(t *testing.T) {
	r := newRig(t, with(down("cut", &tp.TimeoutToxic{})))
	client, server := r.pair()
	send(t, server, "lost")
	until(t, "the bytes are read", func() bool { return r.proxy.TotalTraffic(event.Downstream).Received == 4 })
	r.set()
	wantEnding(t, client, "", event.EOF)
	wantEnding(t, server, "", event.EOF)
	r.wantClosed()
}

func TestBandwidthZeroHoldsAndItsRemovalReleases(t *testing.T) {
	r := newRig(t, with(down("cut", &tp.BandwidthToxic{})))
	client, server := r.pair()
	send(t, server, "held")
	_ = server.CloseWrite()
	r.wantEvent("fin", func(e event.Event) bool { return e.Kind == event.FIN })
	r.set()
	wantEnding(t, client, "held", event.EOF)
}

func TestResetWaitsForWhatIsHeld(t *testing.T) {
	r := newRig(t, with(down("slow", &tp.LatencyToxic{Latency: 30})))
	client, server := r.pair()
	send(t, server, "late but whole")
	awaitAcked(t, server)
	reset(t, server)
	wantEnding(t, client, "late but whole", event.Reset)
	r.wantClosed()
}

// A panicking toxic ends its connection, and no other.
func TestPanicEndsOneConnection(t *testing.T) {
	broken := down("broken", pipeFunc(func(s *tp.ToxicStub) { panic((<-s.Input).Data[0]) }))
	broken.Connection = 2
	r := newRig(t, with(broken))
	client1, server1 := r.pair()
	client2, server2 := r.pair()
	send(t, server2, "x")
	wantEnding(t, client2, "", event.EOF)
	wantEnding(t, server2, "", event.EOF)
	e := r.wantEvent("panic", func(e event.Event) bool { return e.Kind == event.Panic })
	if e.Conn != 2 || e.Toxic != "broken" || e.Detail == "" {
		t.Errorf("event %+v", e)
	}
	send(t, server1, "alive")
	wantRead(t, client1, "alive")
}

type pipe struct{ run func(*tp.ToxicStub) }

func (p *pipe) Pipe(s *tp.ToxicStub) { p.run(s) }

func pipeFunc(f func(*tp.ToxicStub)) tp.Toxic { return &pipe{f} }

// A toxic that is deaf to interrupts holds its own connection, and no edit.
func TestDeafToxicHoldsNobodyElse(t *testing.T) {
	wake := make(chan struct{})
	entered := make(chan struct{})
	deaf := down("deaf", pipeFunc(func(s *tp.ToxicStub) {
		c := <-s.Input
		close(entered)
		<-wake
		s.Output <- c
	}))
	deaf.Connection = 1
	r := newRig(t, func(c *Config) { c.Toxics = []Toxic{deaf}; c.Grace = 50 * time.Millisecond })
	client1, server1 := r.pair()
	client2, server2 := r.pair()
	send(t, server1, "held")
	<-entered
	r.set()
	r.set(down("noop", &tp.NoopToxic{}))
	send(t, server2, "free")
	wantRead(t, client2, "free")
	_ = r.proxy.Close()
	wantEnding(t, client1, "", event.EOF)
	e := r.wantEvent("abandon", func(e event.Event) bool { return e.Kind == event.Leaked })
	if e.Toxic != "deaf" || e.Conn != 1 {
		t.Errorf("event %+v", e)
	}
	close(wake)
}

// An edit returns although the destination takes nothing, and is in force.
func TestEditWhileTheReaderIsStalled(t *testing.T) {
	data := noise(24 << 20)
	for _, first := range []string{"none", "noop", "latency", "slicer", "bandwidth"} {
		t.Run(first, func(t *testing.T) {
			r := newRig(t, with(chainOf(first)...))
			client, server := r.pair()
			sent := make(chan error, 1)
			go func() {
				_, err := server.Write(data)
				_ = server.CloseWrite()
				sent <- err
			}()
			awaitStill(t, r)
			for i := range 20 {
				r.set(chainOf([]string{"slicer", "none", "latency", "bandwidth", "noop"}[i%5])...)
			}
			r.set(chainOf("noop")...)
			until(t, "the edit is in force", func() bool {
				return strings.Join(r.proxy.OpenConnections()[0].Toxics[event.Downstream], ",") == "noop"
			})
			got, ending := endingOf(client)
			if err := <-sent; err != nil || ending != event.EOF || !bytes.Equal(got, data) {
				t.Errorf("got %d bytes, %s, %v, want %d and eof", len(got), ending, err, len(data))
			}
		})
	}
}

func chainOf(name string) []Toxic {
	switch name {
	case "noop":
		return []Toxic{down("noop", &tp.NoopToxic{})}
	case "latency":
		return []Toxic{down("latency", &tp.LatencyToxic{Latency: 1})}
	case "slicer":
		return []Toxic{down("slicer", &tp.SlicerToxic{AverageSize: 9000, SizeVariation: 3000})}
	case "bandwidth":
		return []Toxic{down("bandwidth", &tp.BandwidthToxic{Rate: 1_000_000})}
	}
	return nil
}

// Every byte read after SetToxics has returned goes through the new chain.
func TestEditIsInForceWhenItReturns(t *testing.T) {
	r := newRig(t, nil)
	client, server := r.pair()
	for i := range 200 {
		mark := byte(i)
		r.set(down(fmt.Sprint("mark", i%3), pipeFunc(func(s *tp.ToxicStub) {
			for {
				select {
				case <-s.Interrupt:
					return
				case c := <-s.Input:
					if c == nil {
						s.Close()
						return
					}
					for i := range c.Data {
						c.Data[i] = mark
					}
					s.Output <- c
				}
			}
		})))
		send(t, server, "?")
		wantRead(t, client, string([]byte{mark}))
		if i%4 == 0 {
			r.set()
			send(t, server, "plain")
			wantRead(t, client, "plain")
		}
	}
}

// An update keeps the state of a toxic, and nobody but the changed one is
// interrupted.
func TestUpdateKeepsState(t *testing.T) {
	var pipes atomic.Int32
	other := down("other", pipeFunc(func(s *tp.ToxicStub) {
		pipes.Add(1)
		new(tp.NoopToxic).Pipe(s)
	}))
	r := newRig(t, with(other, down("limit", &tp.LimitDataToxic{Bytes: 120})))
	client, server := r.pair()
	send(t, server, strings.Repeat("a", 50))
	wantRead(t, client, strings.Repeat("a", 50))
	r.set(other, down("limit", &tp.LimitDataToxic{Bytes: 60}))
	send(t, server, strings.Repeat("b", 50))
	wantEnding(t, client, strings.Repeat("b", 10), event.EOF)
	if n := pipes.Load(); n != 1 {
		t.Errorf("the toxic that did not change was started %d times", n)
	}
}

func TestToxicityIsDecidedOncePerConnection(t *testing.T) {
	half := down("half", &tp.NoopToxic{})
	half.Toxicity = 0.5
	r := newRig(t, with(half))
	type active = map[uint64]bool
	look := func() active {
		a := active{}
		for _, c := range r.proxy.OpenConnections() {
			a[c.ID] = len(c.Toxics[event.Downstream]) > 0
		}
		return a
	}
	for range 40 {
		client, server := r.pair()
		send(t, server, "x")
		wantRead(t, client, "x")
	}
	first := look()
	n := 0
	for _, a := range first {
		if a {
			n++
		}
	}
	if n < 8 || n > 32 {
		t.Errorf("%d of 40 connections have a toxic of toxicity 0.5", n)
	}
	for range 5 {
		half.Toxic = &tp.LatencyToxic{}
		half.BufferSize = 1
		r.set(down("before", &tp.NoopToxic{}), half)
		until(t, "the edit is in force", func() bool {
			for _, c := range r.proxy.OpenConnections() {
				want := "before"
				if first[c.ID] {
					want = "before,half"
				}
				if strings.Join(c.Toxics[event.Downstream], ",") != want {
					return false
				}
			}
			return true
		})
	}
}

// attached is a toxic that knows its link.
type attached struct {
	tp.NoopToxic
	make func(hook.Link) func(*tp.ToxicStub)
}

func (a *attached) Attach(w hook.Link) tp.Toxic { return pipeFunc(a.make(w)) }

var _ link.Attacher = (*attached)(nil)

// ending closes the stream after n bytes with the given end.
func ending(n int, end hook.EndMode) tp.Toxic {
	return &attached{make: func(w hook.Link) func(*tp.ToxicStub) {
		left := n
		return func(s *tp.ToxicStub) {
			for {
				select {
				case <-s.Interrupt:
					return
				case c := <-s.Input:
					if c == nil {
						s.Close()
						return
					}
					c.Data = c.Data[:min(left, len(c.Data))]
					left -= len(c.Data)
					s.Output <- c
					if left == 0 {
						w.Struck(int64(n), end.String())
						w.End(end)
						s.Close()
						return
					}
				}
			}
		}
	}}
}

func TestEndsThatAToxicAsksFor(t *testing.T) {
	t.Run("reset", func(t *testing.T) {
		r := newRig(t, with(down("it", ending(5, hook.Reset))))
		client, server := r.pair()
		send(t, server, "12345678")
		wantEnding(t, client, "12345", event.Reset)
		wantEnding(t, server, "", event.Reset)
		e := r.wantEvent("struck", func(e event.Event) bool { return e.Kind == event.Struck })
		if e.Offset != 5 || e.Toxic != "it" || e.Direction != event.Downstream {
			t.Errorf("event %+v", e)
		}
	})
	t.Run("half_close", func(t *testing.T) {
		r := newRig(t, with(down("it", ending(5, hook.HalfClose))))
		client, server := r.pair()
		send(t, server, "12345678")
		wantEnding(t, client, "12345", event.EOF)
		send(t, client, "still here")
		wantRead(t, server, "still here")
		send(t, server, "discarded")
		_ = client.CloseWrite()
		wantEnding(t, server, "", event.EOF)
		_ = server.Close()
		r.wantClosed()
	})
	t.Run("vanish", func(t *testing.T) {
		r := newRig(t, with(down("it", ending(5, hook.Vanish))))
		client, server := r.pair()
		send(t, server, "12345678")
		wantEnding(t, client, "12345", event.EOF)
		r.wantClosed()
		send(t, client, "to nobody")
		awaitReset(t, client)
		wantEnding(t, server, "", event.EOF)
	})
	t.Run("shut", func(t *testing.T) {
		r := newRig(t, with(down("it", ending(5, hook.CloseBoth))))
		client, server := r.pair()
		send(t, server, "12345678")
		wantEnding(t, client, "12345", event.EOF)
		wantEnding(t, server, "", event.EOF)
		r.wantClosed()
	})
}

// A reset that a toxic asks for comes when the receiver has read everything.
func TestToxicResetWaitsForTheReceiver(t *testing.T) {
	r := newRig(t, with(down("it", ending(1000, hook.Reset))))
	client, server := r.pair()
	send(t, server, strings.Repeat("x", 2000))
	awaitInput(t, client, 1000)
	r.wantEvent("struck", func(e event.Event) bool { return e.Kind == event.Struck })
	send(t, client, "not reset yet")
	wantRead(t, server, "not reset yet")
	wantEnding(t, client, strings.Repeat("x", 1000), event.Reset)
}

// lockstep asks for a boundary behind every byte.
func lockstep() tp.Toxic {
	return &attached{make: func(w hook.Link) func(*tp.ToxicStub) {
		var sent int64
		return func(s *tp.ToxicStub) {
			for {
				select {
				case <-s.Interrupt:
					return
				case c := <-s.Input:
					if c == nil {
						s.Close()
						return
					}
					for range c.Data {
						sent++
						w.Boundary(sent)
					}
					s.Output <- c
				}
			}
		}
	}}
}

func TestBoundariesAreVerified(t *testing.T) {
	const n = 1000
	r := newRig(t, with(down("step", lockstep())))
	client, server := r.pair()
	data := noise(n)
	go func() {
		_, _ = server.Write(data)
		_ = server.CloseWrite()
	}()
	var got []byte
	reads := 0
	buf := make([]byte, 100)
	for {
		n, err := client.Read(buf)
		got = append(got, buf[:n]...)
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		reads++
	}
	verified := 0
	for _, e := range r.log.AllEvents() {
		if e.Kind == event.BoundaryRead && e.Detail != "verified" {
			t.Errorf("event %+v", e)
		}
		if e.Kind == event.BoundaryRead && e.Detail == "verified" {
			verified++
		}
	}
	if reads != n || verified != n-1 || !bytes.Equal(got, data) {
		t.Errorf("%d reads, %d boundaries verified, %d bytes; want %d, %d, %d", reads, verified, len(got), n, n-1, n)
	}
}

func TestBoundaryThatNobodyReadsIsBounded(t *testing.T) {
	r := newRig(t, func(c *Config) {
		c.Toxics = []Toxic{down("step", lockstep())}
		c.Patience.Boundary = 20 * time.Millisecond
	})
	client, server := r.pair()
	send(t, server, "abc")
	awaitInput(t, client, 3)
	e := r.wantEvent("deliver", func(e event.Event) bool { return e.Kind == event.BoundaryRead && e.Offset == 2 })
	if !strings.HasPrefix(e.Detail, "merged: ") {
		t.Errorf("detail %q", e.Detail)
	}
}

// A toxic learns that the source cannot send any more.
func TestSourceBlocked(t *testing.T) {
	held := make(chan int64, 1)
	r := newRig(t, with(down("stall", &attached{make: func(w hook.Link) func(*tp.ToxicStub) {
		return func(s *tp.ToxicStub) {
			n, err := w.SourceBlocked(w.Context())
			if err == nil {
				held <- n
			}
			new(tp.NoopToxic).Pipe(s)
		}
	}})))
	client, server := r.pair()
	data := noise(16 << 20)
	go func() { _, _ = server.Write(data) }()
	select {
	case n := <-held:
		if n < 100_000 {
			t.Errorf("the kernels hold %d bytes of a writer that is blocked", n)
		}
	case <-time.After(bound):
		t.Fatal("a blocked writer was not noticed")
	}
	got := make([]byte, len(data))
	if _, err := io.ReadFull(client, got); err != nil || !bytes.Equal(got, data) {
		t.Error("the bytes differ", err)
	}
}

func TestHappened(t *testing.T) {
	r := newRig(t, with(down("cue", &attached{make: func(w hook.Link) func(*tp.ToxicStub) {
		return func(s *tp.ToxicStub) {
			select {
			case <-w.EventHappened(event.FIN):
			case <-s.Interrupt:
				return
			}
			new(tp.NoopToxic).Pipe(s)
		}
	}})))
	client, server := r.pair()
	send(t, server, "after the fin")
	_ = client.CloseWrite()
	wantRead(t, client, "after the fin")
}

// The events of the bytes tile the stream, however it is carried.
func TestBytesEventsTileTheStream(t *testing.T) {
	const size = 4 << 20
	r := newRig(t, nil)
	client, server := r.pair()
	go func() { _ = sendNoise(server, size) }()
	got := make(chan int64, 1)
	go func() {
		n, _ := io.Copy(io.Discard, client)
		got <- n
	}()
	for i := 0; ; i++ {
		r.set(chainOf([]string{"slicer", "none", "latency", "noop"}[i%4])...)
		select {
		case n := <-got:
			var at int64
			for _, e := range r.log.AllEvents() {
				if e.Kind == event.Bytes {
					if e.Offset != at || e.Bytes <= 0 || e.Side != event.Server {
						t.Fatalf("event %+v at offset %d", e, at)
					}
					at += e.Bytes
				}
			}
			if n != size || at != size {
				t.Errorf("%d bytes arrived and the events tell of %d, want %d", n, at, size)
			}
			return
		default:
		}
	}
}

func TestTapRecordsWhatIsSent(t *testing.T) {
	tap := link.NewTap(6)
	r := newRig(t, func(c *Config) {
		c.Tap = func(conn uint64, d event.Direction) *link.Tap {
			if d == event.Downstream {
				return tap
			}
			return nil
		}
	})
	client, server := r.pair()
	send(t, server, "recorded")
	wantRead(t, client, "recorded")
	if got, dropped := tap.RecordedBytes(); string(got) != "record" || dropped != 2 {
		t.Errorf("recorded %q and dropped %d", got, dropped)
	}
}

func TestCloseEndsConnectionsInOrder(t *testing.T) {
	r := newRig(t, with(down("slow", &tp.LatencyToxic{Latency: 60_000})))
	client, server := r.pair()
	send(t, client, "hi")
	wantRead(t, server, "hi")
	send(t, server, "never")
	_ = r.proxy.Close()
	_ = r.proxy.Close()
	wantEnding(t, client, "", event.EOF)
	wantEnding(t, server, "", event.EOF)
}

// flagged returns toxics as they are written in flags.
func flagged(t testing.TB, flags ...string) (list []Toxic) {
	t.Helper()
	for _, flag := range flags {
		spec, err := toxics.ParseFlag(flag)
		if err != nil {
			t.Fatal(err)
		}
		made, err := toxics.MakeToxic(spec)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, FromToxic(made)...)
	}
	return list
}
