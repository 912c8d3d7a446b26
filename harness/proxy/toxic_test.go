package proxy

import (
	"io"
	"testing"
	"time"

	tp "github.com/Shopify/toxiproxy/v2/toxics"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/link"
	"github.com/sockharness/harness/toxics"
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
