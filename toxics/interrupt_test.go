package toxics

import (
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Shopify/toxiproxy/v2/stream"
	tp "github.com/Shopify/toxiproxy/v2/toxics"
	"pgregory.net/rapid"

	"github.com/sockharness/harness/toxics/engine"
)

func contextOf(w *fakeWire) (context.Context, context.CancelFunc) { return context.WithCancel(w.ctx) }

// harmless are toxics that pass every byte sooner or later.
var harmless = []string{
	"noop",
	"latency latency=20 jitter=20",
	"latency latency=20 jitter=20 distribution=normal",
	"latency latency=20 jitter=20 distribution=pareto seed=3",
	"bandwidth rate=1",
	"bandwidth rate=1 shared=true",
	"packet_loss loss_rate=0.3 correlation=0.2 rto=4 segment_size=3",
	"limit_time time=1h",
	"slicer average_size=5 size_variation=3 delay=700",
	"slow_close delay=30",
	"stall duration=50",
	"slice sizes=1,2,3",
	"slice offsets=4,9,30",
	"coalesce bytes=16 wait=15",
	"small_window",
	"small_window hold=true wait=40",
}

// someTriggers go before any of them.
var someTriggers = []string{"", " at.byte=0", " at.byte=7", " at.byte=1000", " at.pattern=ab", " at.segment=2", " at.opposite=x", " at.time=25ms", " at.event=eof"}

// TestInterruptsLoseNothing cuts a random stream into random chunks, and while
// they pass interrupts the toxic at random times, replaces it by another
// Instance or by another toxic now and then, removes it in the end or lets it end.
func TestInterruptsLoseNothing(t *testing.T) {
	var flags []string
	for _, h := range harmless {
		for _, s := range someTriggers {
			flags = append(flags, h+s)
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		flag := rapid.SampledFrom(flags).Draw(rt, "toxic")
		other := rapid.SampledFrom(append(flags, flag)).Draw(rt, "other")
		text := rapid.StringOfN(rapid.RuneFrom([]rune("abc")), 0, 200, -1).Draw(rt, "stream")
		seed := rapid.Uint64().Draw(rt, "seed")
		removed := rapid.Bool().Draw(rt, "removed")
		synctest.Test(t, func(t *testing.T) {
			if got := disturb(t, []string{flag, other}, text, seed, removed); got != text {
				rt.Fatalf("%s and %s: got %q, want %q", flag, other, got, text)
			}
		})
	})
}

// disturb returns what came out.
func disturb(t *testing.T, flags []string, text string, seed uint64, removed bool) string {
	chance := rand.New(rand.NewPCG(seed, 0))
	toxic := mustMake(t, flags[0])
	w := newWire(t)
	w.blocked = func(ctx context.Context) (int64, error) { <-ctx.Done(); return 0, ctx.Err() }
	b := &bench{t: t, wire: w, input: make(chan *stream.StreamChunk, chance.IntN(3)), out: make(chan *stream.StreamChunk)}
	b.stub = tp.NewToxicStub(b.input, b.out)
	b.toxic = toxic.Instance.(*engine.AttachableToxic).Attach(w)
	b.run()
	got, stop := make(chan string), make(chan struct{})
	go collect(b.out, stop, got, chance.Int64N(3))
	fed := make(chan struct{})
	go feed(b.input, text, rand.New(rand.NewPCG(seed, 1)), fed)
	for range chance.IntN(20) {
		time.Sleep(time.Duration(chance.IntN(8000)) * time.Microsecond)
		b.interrupt()
		if chance.IntN(4) == 0 && !b.stub.Closed() {
			toxic = mustMake(t, flags[chance.IntN(len(flags))])
			b.toxic = toxic.Instance.(*engine.AttachableToxic).Attach(w)
		}
		b.run()
	}
	if !removed {
		<-fed
		text := <-got
		<-b.done
		return text
	}
	return b.remove(fed, stop, got)
}

// remove takes the toxic out as a link does: interrupt, clean up, pass the rest on.
func (b *bench) remove(fed, stop chan struct{}, got chan string) string {
	b.interrupt()
	if !b.stub.Closed() {
		b.toxic.(tp.CleanupToxic).Cleanup(b.stub)
		for c := range b.input {
			if c == nil {
				break
			}
			b.out <- c
		}
		close(stop)
	}
	<-fed
	return <-got
}

// feed sends the text in chunks and ends the stream as a link does: by nil, then
// by closing.
func feed(input chan<- *stream.StreamChunk, text string, chance *rand.Rand, done chan<- struct{}) {
	defer close(done)
	defer close(input)
	for len(text) > 0 {
		n := 1 + chance.IntN(min(len(text), 30))
		input <- &stream.StreamChunk{Data: []byte(text[:n]), Timestamp: time.Now()}
		text = text[n:]
		time.Sleep(time.Duration(chance.IntN(3000)) * time.Microsecond)
	}
	// The toxic may leave before the end.
	select {
	case input <- nil:
	case <-time.After(time.Hour):
	}
}

// collect takes what comes, each after a pause.
func collect(out <-chan *stream.StreamChunk, stop <-chan struct{}, got chan<- string, pause int64) {
	var b strings.Builder
	for {
		select {
		case c := <-out:
			if c == nil {
				got <- b.String()
				return
			}
			b.Write(c.Data)
			time.Sleep(time.Duration(pause) * time.Millisecond)
		case <-stop:
			got <- b.String()
			return
		}
	}
}

// TestEffectIsReportedOnce interrupts each toxic that strikes all the time.
func TestEffectIsReportedOnce(t *testing.T) {
	for _, flag := range []string{"noop", "latency latency=1", "slicer average_size=1", "slice", "corrupt every=1", "coalesce bytes=4 wait=0", "small_window"} {
		synctest.Test(t, func(t *testing.T) {
			b := benchWith(t, newWire(t), flag)
			got, stop := make(chan string), make(chan struct{})
			go collect(b.out, stop, got, 0)
			for range 5 {
				b.send("abc")
				synctest.Wait()
				b.interrupt()
				b.run()
			}
			close(b.input)
			<-got
			<-b.done
			if n := len(b.wire.struck); n != 1 {
				t.Errorf("%s: struck %d times: %q", flag, n, slices.Clip(b.wire.struck))
			}
		})
	}
}

// What was sent on belongs to the receiver: Toxiproxy's bandwidth
// cuts the chunk itself. The race detector is what sees a look at it.
func TestSentChunkIsTheReceivers(t *testing.T) {
	for _, flag := range harmless {
		t.Run(flag, func(t *testing.T) {
			b := benchWith(t, newWire(t), flag)
			go func() {
				b.send("some bytes")
				b.input <- nil
				close(b.input)
			}()
			for c := range b.out {
				c.Data = c.Data[len(c.Data):]
			}
			<-b.done
		})
	}
}
