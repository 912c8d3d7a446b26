package link

import (
	"context"
	"io"
	"net"
	"runtime"
	"sync"
	"testing"
	"time"

	tp "github.com/Shopify/toxiproxy/v2/toxics"

	"github.com/sockharness/harness/harness/event"
)

const bound = 20 * time.Second

// A wired link stands between two ends that a test holds. Nothing carries the
// other direction.
type wired struct {
	t        *testing.T
	link     *Link
	pool     *Pool
	src, dst *net.TCPConn // the peers' ends
	outcome  chan Outcome

	mu     sync.Mutex
	events []event.Event
}

func newWired(t *testing.T, stages ...Stage) *wired {
	t.Helper()
	w := &wired{t: t, pool: &Pool{}, outcome: make(chan Outcome, 1)}
	from, src := tcpPair(t)
	to, dst := tcpPair(t)
	w.src, w.dst = src, dst
	w.link = New(Config{Source: NewSide(event.Client, from), Dest: NewSide(event.Server, to), Pool: w.pool, Owner: keeper(w.add),
		Patience: &Timeouts{Toxic: time.Second}}, stages)
	ctx, cancel := context.WithCancel(context.Background())
	go func() { w.outcome <- w.link.RunStream(ctx) }()
	t.Cleanup(func() {
		cancel()
		w.link.WaitGoroutines()
		w.pool.Close()
	})
	return w
}

func (w *wired) add(e event.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if e.Kind != event.Bytes {
		w.events = append(w.events, e)
	}
}

func (w *wired) wantOutcome(want Outcome) {
	w.t.Helper()
	select {
	case got := <-w.outcome:
		if got != want {
			w.t.Errorf("outcome %s, want %s", got, want)
		}
	case <-time.After(bound):
		w.t.Fatalf("no outcome, want %s", want)
	}
}

func (w *wired) send(data string) {
	w.t.Helper()
	if _, err := io.WriteString(w.src, data); err != nil {
		w.t.Fatal(err)
	}
}

func (w *wired) wantRead(want string) {
	w.t.Helper()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(w.dst, got); err != nil || string(got) != want {
		w.t.Fatalf("read %q, %v, want %q", got, err, want)
	}
}

// tcpPair returns two ends of a connection.
func tcpPair(t *testing.T) (a, b *net.TCPConn) {
	t.Helper()
	var lc net.ListenConfig
	lc.SetMultipathTCP(false)
	l, err := lc.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	d := net.Dialer{}
	d.SetMultipathTCP(false)
	c, err := d.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	s, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = c.Close(), s.Close() })
	_ = s.SetDeadline(time.Now().Add(bound))
	return c.(*net.TCPConn), s.(*net.TCPConn)
}

type pipeFunc func(*tp.ToxicStub)

func (f *pipeFunc) Pipe(s *tp.ToxicStub) { (*f)(s) }

func toxic(f func(*tp.ToxicStub)) *pipeFunc {
	p := pipeFunc(f)
	return &p
}

func until(t *testing.T, what string, fact func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(bound); !fact(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

func TestEndOfTheSource(t *testing.T) {
	for name, stages := range map[string][]Stage{"splice": nil, "chain": {{Name: "noop", Toxic: &tp.NoopToxic{}}}} {
		t.Run(name, func(t *testing.T) {
			w := newWired(t, stages...)
			w.send("bytes")
			_ = w.src.CloseWrite()
			got, err := io.ReadAll(w.dst)
			if string(got) != "bytes" || err != nil {
				t.Errorf("read %q, %v", got, err)
			}
			w.wantOutcome(Ended)
		})
		t.Run(name+"/reset", func(t *testing.T) {
			w := newWired(t, stages...)
			w.send("bytes")
			w.wantRead("bytes")
			_ = w.src.SetLinger(0)
			_ = w.src.Close()
			w.wantOutcome(Aborted)
		})
	}
}

// A connection on which nothing moves holds no pipe.
func TestIdleHoldsNoPipe(t *testing.T) {
	w := newWired(t)
	for range 10 {
		w.send("bytes")
		w.wantRead("bytes")
		until(t, "the pipe is back", func() bool {
			w.pool.mu.Lock()
			defer w.pool.mu.Unlock()
			return w.pool.pipesInUse == 0
		})
	}
	w.pool.mu.Lock()
	defer w.pool.mu.Unlock()
	if n := len(w.pool.pipes); n > 1 {
		t.Errorf("%d pipes for one link", n)
	}
}

func TestSpliceGoesOnAfterToxicsAreRemoved(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("this system cannot splice sockets: Linux only")
	}
	w := newWired(t)
	var delivered int64
	for range 20 {
		// A byte is counted after the kernel has it, so the reader may be ahead.
		until(t, "all bytes are counted", func() bool { return w.link.SentBytes() == delivered })
		before := w.link.DirectBytes()
		w.link.UpdateChain([]Stage{{Name: "noop", Toxic: &tp.NoopToxic{}}})
		w.send("copied")
		w.wantRead("copied")
		delivered += int64(len("copied"))
		if got := w.link.DirectBytes(); got != before {
			t.Fatalf("%d bytes were spliced past the toxic", got-before)
		}
		w.link.UpdateChain(nil)
		// What was being read meanwhile is still copied.
		until(t, "bytes are spliced", func() bool {
			w.send("bytes")
			w.wantRead("bytes")
			delivered += int64(len("bytes"))
			return w.link.DirectBytes() > before
		})
	}
}

// A toxic that closes by itself ends the connection, even if the end of the
// stream stands behind it at that moment.
func TestOwnEndIsToldFromThatOfTheSource(t *testing.T) {
	for _, buffer := range []int{0, 10} {
		for range 100 {
			w := newWired(t, Stage{Name: "before", Toxic: &tp.NoopToxic{}},
				Stage{Name: "limit", Toxic: &tp.LimitDataToxic{Bytes: 5}, BufferSize: buffer},
				Stage{Name: "behind", Toxic: &tp.NoopToxic{}})
			w.send("12345")
			_ = w.src.CloseWrite()
			w.wantOutcome(Close)
			w.wantRead("12345")
		}
	}
}

// Toxics of strangers do what they want; the link ends, and nobody leaks.
func TestToxicsOfStrangers(t *testing.T) {
	for name, test := range map[string]struct {
		pipe func(*tp.ToxicStub)
		want Outcome
	}{
		"returns at once": {func(s *tp.ToxicStub) {}, Close},
		"closes at once":  {func(s *tp.ToxicStub) { s.Close() }, Close},
		"panics":          {func(s *tp.ToxicStub) { panic("no") }, Close},
		"closes twice":    {func(s *tp.ToxicStub) { s.Close(); s.Close(); close(s.Output) }, Close},
		"sends nil": {func(s *tp.ToxicStub) {
			for {
				select {
				case c := <-s.Input:
					s.Output <- c
				case <-s.Interrupt:
					return
				}
			}
		}, Ended},
		"sends nil early": {func(s *tp.ToxicStub) {
			s.Output <- nil
			<-s.Interrupt
		}, Close},
		"sends nothing": {func(s *tp.ToxicStub) {
			s.Output <- &chunk{}
			new(tp.NoopToxic).Pipe(s)
		}, Ended},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWired(t, Stage{Name: "before", Toxic: &tp.NoopToxic{}}, Stage{Name: "odd", Toxic: toxic(test.pipe)})
			_, _ = io.WriteString(w.src, "bytes")
			_ = w.src.CloseWrite()
			w.wantOutcome(test.want)
		})
	}
}

// What waits before a toxic that goes is put behind what has passed it.
func TestRemovalKeepsOrder(t *testing.T) {
	hold := func() Stage { return Stage{Name: "hold", Toxic: &tp.LatencyToxic{Latency: 3_600_000}, BufferSize: 8} }
	w := newWired(t, hold(), Stage{Name: "noop", Toxic: &tp.NoopToxic{}})
	want := ""
	for i := range 6 {
		piece := string(rune('a' + i))
		w.send(piece)
		want += piece
		until(t, "the byte is read", func() bool { return w.link.ReceivedBytes() == int64(len(want)) })
	}
	w.link.UpdateChain([]Stage{{Name: "noop", Toxic: &tp.NoopToxic{}}})
	w.send("g")
	w.wantRead(want + "g")
}

func TestEndPassesAToxicThatIsRemovedMeanwhile(t *testing.T) {
	w := newWired(t, Stage{Name: "slow", Toxic: &tp.SlowCloseToxic{Delay: 3_600_000}})
	w.send("bytes")
	w.wantRead("bytes")
	_ = w.src.CloseWrite()
	until(t, "the end is read", func() bool { return w.link.src.PeerEnding() == event.EOF })
	w.link.UpdateChain([]Stage{{Name: "other", Toxic: &tp.NoopToxic{}}})
	if got, err := io.ReadAll(w.dst); len(got) > 0 || err != nil {
		t.Errorf("read %q, %v", got, err)
	}
	w.wantOutcome(Ended)
}

func TestBoundaries(t *testing.T) {
	var b boundaries
	for _, at := range []int64{5, 3, 9, 5} {
		b.addOffset(at)
	}
	for offset, want := range map[int64]int64{0: 3, 3: 5, 4: 5, 8: 9, 9: -1, 12: -1} {
		if got := b.nextAfter(offset); got != want {
			t.Errorf("after(%d) = %d, want %d", offset, got, want)
		}
	}
	if got := b.takeUpTo(5); len(got) != 2 || b.nextAfter(0) != 9 {
		t.Errorf("take(5) = %v, and %d is left", got, b.nextAfter(0))
	}
}
