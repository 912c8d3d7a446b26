package toxics

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Shopify/toxiproxy/v2/stream"
	tp "github.com/Shopify/toxiproxy/v2/toxics"

	"github.com/sockharness/harness/toxics/adapter"
	"github.com/sockharness/harness/toxics/engine"
	"github.com/sockharness/harness/toxics/hook"
)

func TestLimitDataClosesAtTheLimit(t *testing.T) {
	for flag, passed := range map[string][]string{
		"limit_data bytes=7":           {"hello", " w"},
		"limit_data bytes=5":           {"hello"},
		"limit_data bytes=4 at.byte=3": {"hel", "lo", " w"},
	} {
		b := benchWith(t, newWire(t), flag)
		b.send("hello")
		for i, p := range passed {
			if p == " w" {
				b.interrupt() // the count survives
				b.run()
				b.trySend(" world")
			}
			b.expect(passed[i])
		}
		b.expectClosed()
		offset := "7: "
		if len(passed) == 1 {
			offset = "5: "
		}
		b.expectStruck(offset)
		if !slices.Equal(b.wire.ends, []hook.EndMode{hook.CloseBoth}) {
			t.Errorf("%s: ends %v, want shut", flag, b.wire.ends)
		}
	}
}

func TestLimitDataNotReached(t *testing.T) {
	b := benchWith(t, newWire(t), "limit_data bytes=7")
	b.send("hello")
	b.expect("hello")
	close(b.input)
	b.expectClosed()
	b.expectStruck()
	if len(b.wire.ends) > 0 {
		t.Errorf("the source's own end became %v", b.wire.ends)
	}
}

// A link that ends before the limit is no limit that was reached.
func TestLimitDataNotReachedWhenTheLinkEnds(t *testing.T) {
	w := newWire(t)
	ctx, cancel := context.WithCancel(t.Context())
	w.ctx = ctx
	b := benchWith(t, w, "limit_data bytes=5000")
	b.send("7 bytes")
	b.expect("7 bytes")
	cancel()
	b.expectClosed()
	b.expectStruck()
}

func TestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := benchWith(t, newWire(t), "timeout timeout=300 at.byte=3")
		b.send("hello")
		b.expect("hel")
		start := time.Now()
		b.expectClosed()
		if d := time.Since(start); d != 300*time.Millisecond {
			t.Errorf("closed after %v", d)
		}
		b.expectStruck("3: data is dropped")
	})
}

func TestTimeoutOfASilentSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := benchWith(t, newWire(t), "timeout timeout=300")
		b.expectClosed()
		b.expectStruck("0: ")
	})
}

func TestTimeoutClosesWhenRemoved(t *testing.T) {
	b := benchWith(t, newWire(t), "timeout")
	b.send("hello")
	b.interrupt()
	b.toxic.(tp.CleanupToxic).Cleanup(b.stub)
	b.expectClosed()
}

func TestSlowClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := benchWith(t, newWire(t), "slow_close delay=400")
		b.send("hello")
		b.expect("hello")
		b.expectStruck()
		close(b.input)
		start := time.Now()
		b.expectClosed()
		if d := time.Since(start); d != 400*time.Millisecond {
			t.Errorf("closed after %v", d)
		}
		b.expectStruck("5: ")
	})
}

func TestBandwidthOfNothingHoldsAndReleases(t *testing.T) {
	b := benchWith(t, newWire(t), "bandwidth rate=0")
	b.send("hello")
	b.interrupt()
	b.run() // as after an update that changes nothing
	b.interrupt()
	go b.toxic.(tp.CleanupToxic).Cleanup(b.stub)
	b.expect("hello")
}

func TestGuestLeavesWithTheConnection(t *testing.T) {
	for _, flag := range []string{"bandwidth rate=0", "timeout", "noop", "slow_close delay=1h"} {
		w := newWire(t)
		cancelled, cancel := contextOf(w)
		w.ctx = cancelled
		b := benchWith(t, w, flag)
		b.send("hello")
		cancel()
		for range b.out {
		}
		<-b.done
	}
}

type panicking struct{}

func (*panicking) Pipe(stub *tp.ToxicStub) {
	<-stub.Input
	panic("boom")
}

func TestPanicReachesTheLink(t *testing.T) {
	b := &bench{t: t, input: make(chan *stream.StreamChunk), out: make(chan *stream.StreamChunk), done: make(chan struct{})}
	b.stub = tp.NewToxicStub(b.input, b.out)
	toxic := (&engine.AttachableToxic{Behavior: adapter.ForeignToxic{Toxic: new(panicking)}}).Attach(newWire(t))
	got := make(chan any)
	go func() {
		defer func() { got <- recover() }()
		toxic.Pipe(b.stub)
	}()
	b.send("hello")
	if p := <-got; p != "boom" {
		t.Errorf("recovered %v", p)
	}
}

// A shouter is what a third party might register.
type shouter struct {
	Suffix string `json:"suffix"`
	Times  int    `json:"times"`
}

func (s *shouter) GetBufferSize() int { return 3 }

func (s *shouter) Pipe(stub *tp.ToxicStub) {
	for {
		select {
		case <-stub.Interrupt:
			return
		case c := <-stub.Input:
			if c == nil {
				stub.Close()
				return
			}
			for range s.Times {
				c.Data = append(slices.Clone(c.Data), s.Suffix...)
			}
			stub.Output <- c
		}
	}
}

// An asking toxic is a third party's that uses its wire.
type asking struct{}

func (*asking) Pipe(*tp.ToxicStub) {}

func (a *asking) Attach(w hook.Link) tp.Toxic { return asked{w} }

type asked struct{ hook.Link }

func (a asked) Pipe(stub *tp.ToxicStub) {
	a.Boundary(2)
	a.Struck(2, "two more bytes")
	a.End(hook.Vanish)
	stub.Close()
}

var registerOnce sync.Once

func registerStrangers() {
	registerOnce.Do(func() {
		tp.Register("shouter", new(shouter))
		tp.Register("asking", new(asking))
		tp.Register("by_value", byValue{})
	})
}

type byValue struct{}

func (byValue) Pipe(*tp.ToxicStub) {}

func TestRegisteredToxicRunsUnchanged(t *testing.T) {
	registerStrangers()
	toxic := mustMake(t, `shouter suffix="! " times=2 at.byte=1`)
	if toxic.BufferSize != 3 {
		t.Errorf("buffer of %d chunks, want 3", toxic.BufferSize)
	}
	b := benchFor(t, newWire(t), toxic.Instance)
	b.send("hi")
	b.expect("h")
	b.expect("i! ! ")
	close(b.input)
	b.expectClosed()
	b.expectStruck("1: shouter")
}

func TestRegisteredAttacherSeesTheStreamFromItsTrigger(t *testing.T) {
	registerStrangers()
	b := benchWith(t, newWire(t), "asking at.byte=5")
	b.send("hello")
	b.expect("hello")
	b.expectClosed()
	b.expectStruck("7: two more bytes")
	if !slices.Equal(b.wire.boundaries, []int64{7}) || !slices.Equal(b.wire.ends, []hook.EndMode{hook.Vanish}) {
		t.Errorf("boundaries %v, ends %v", b.wire.boundaries, b.wire.ends)
	}
}

// TestLimitDataKeepsItsCountOverAnUpdate replaces the attributes as a link does:
// a new instance on the same stub.
func TestLimitDataKeepsItsCountOverAnUpdate(t *testing.T) {
	b := benchWith(t, newWire(t), "limit_data bytes=120")
	b.send(strings.Repeat("x", 50))
	b.expect(strings.Repeat("x", 50))
	b.interrupt()
	b.toxic = mustMake(t, "limit_data bytes=60").Instance.(*engine.AttachableToxic).Attach(b.wire)
	b.run()
	b.send(strings.Repeat("y", 50))
	b.expect(strings.Repeat("y", 10))
	b.expectClosed()
}

// TestUpdateHandsOverWhatIsHeld replaces toxics that hold data in different
// ways, the last one by one which holds nothing.
func TestUpdateHandsOverWhatIsHeld(t *testing.T) {
	b := benchWith(t, newWire(t), "coalesce wait=0")
	b.send("one ")
	replace := func(flag string) {
		b.interrupt()
		b.toxic = mustMake(t, flag).Instance.(*engine.AttachableToxic).Attach(b.wire)
		b.run()
	}
	replace("coalesce wait=1h")
	b.send("two ")
	for _, flag := range []string{"latency latency=1h", "slicer average_size=3 delay=1", "bandwidth", "reset_peer timeout=1h", "stall"} {
		replace(flag)
	}
	replace("noop at.byte=2")
	got, stop := make(chan string), make(chan struct{})
	go collect(b.out, stop, got, 0)
	b.send("three")
	close(b.input)
	if text := <-got; text != "one two three" {
		t.Errorf("got %q", text)
	}
}
