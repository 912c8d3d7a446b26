package toxics

import (
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	tp "github.com/Shopify/toxiproxy/v2/toxics"
)

// stalls sends n segments of one byte, each when the one before has come, and
// returns how long each took.
func stalls(t *testing.T, flag string, n int) (pauses []time.Duration) {
	b := benchWith(t, newWire(t), flag)
	for range n {
		start := time.Now()
		b.send("x")
		b.expect("x")
		pauses = append(pauses, time.Since(start))
	}
	close(b.input)
	b.expectClosed()
	return pauses
}

// One segment in five is lost; each further retransmission doubles the pause.
func TestLossPausesAndBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 10_000
		count := map[time.Duration]int{}
		pauses := stalls(t, "packet_loss loss_rate=0.2 rto=100", n)
		for _, d := range pauses {
			count[d]++
		}
		// 0.2^k of the segments are lost k times or more: 100, 100+200, 100+200+400 ms.
		for i, pause := range []time.Duration{0, 100 * time.Millisecond, 300 * time.Millisecond, 700 * time.Millisecond} {
			want := 0.8 * n
			for range i {
				want *= 0.2
			}
			if got := float64(count[pause]); got < want-4*math.Sqrt(want) || got > want+4*math.Sqrt(want) {
				t.Errorf("%v of %d segments paused for %v, want about %v", got, n, pause, want)
			}
			delete(count, pause)
		}
		for pause := range count {
			if pause != 1500*time.Millisecond && pause != 3100*time.Millisecond && pause != 6300*time.Millisecond {
				t.Errorf("a pause of %v", pause)
			}
		}
		if !slices.Equal(pauses, stalls(t, "packet_loss loss_rate=0.2 rto=100", n)) {
			t.Error("two runs with one seed differ")
		}
		if slices.Equal(pauses, stalls(t, "packet_loss loss_rate=0.2 rto=100 seed=5", n)) {
			t.Error("two runs with two seeds do not differ")
		}
	})
}

// Losses come in bursts: after a lost segment the next one is lost more often.
func TestLossIsCorrelated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pauses := stalls(t, "packet_loss loss_rate=0.1 correlation=0.3 rto=1", 20_000)
		after, both := 0, 0
		for i, d := range pauses[1:] {
			if pauses[i] > 0 {
				if after++; d > 0 {
					both++
				}
			}
		}
		if share := float64(both) / float64(after); share < 0.36 || share > 0.44 {
			t.Errorf("after a lost segment %.2f are lost, want 0.4", share)
		}
	})
}

// A segment that is lost holds back those behind it in the chunk, and none before.
func TestLossHoldsBackWhatFollows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		text := strings.Repeat("0123456789", 100)
		b := benchWith(t, newWire(t), "packet_loss loss_rate=0.1 rto=50 segment_size=10")
		go func() {
			b.send(text)
			close(b.input)
		}()
		var got strings.Builder
		for c := range b.out {
			if got.Len()%10 != 0 {
				t.Errorf("a pause inside of a segment, at byte %d", got.Len())
			}
			got.Write(c.Data)
		}
		<-b.done
		if got.String() != text {
			t.Errorf("got %d of %d bytes", got.Len(), len(text))
		}
	})
}

func TestLossOfNothingAndOfAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if got := slices.Max(stalls(t, "packet_loss loss_rate=0", 1000)); got != 0 {
			t.Errorf("a pause of %v", got)
		}
		b := benchWith(t, newWire(t), "packet_loss loss_rate=1")
		b.send("abc")
		time.Sleep(24 * time.Hour)
		select {
		case c := <-b.out:
			t.Errorf("%q came through", c.Data)
		default:
		}
		b.interrupt()
		go b.toxic.(tp.CleanupToxic).Cleanup(b.stub)
		b.expect("abc")
		b.expectStruck("0: segment lost 16 times")
	})
}
