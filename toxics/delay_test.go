package toxics

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Shopify/toxiproxy/v2/stream"
	tp "github.com/Shopify/toxiproxy/v2/toxics"

	"github.com/sockharness/harness/toxics/hook"
)

func TestLatencyIsUniformAndSeeded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		run := func() (delays []time.Duration) {
			b := benchWith(t, newWire(t), "latency latency=20 jitter=10")
			for range 500 {
				sent := time.Now()
				b.send("x")
				b.expect("x")
				delays = append(delays, time.Since(sent))
			}
			close(b.input)
			b.expectClosed()
			return delays
		}
		first := run()
		if low, high := slices.Min(first), slices.Max(first); low != 10*time.Millisecond || high != 29*time.Millisecond {
			t.Errorf("delays from %v to %v, want 10ms to 29ms", low, high)
		}
		if !slices.Equal(first, run()) {
			t.Error("two runs with one seed differ")
		}
	})
}

func TestLatencyCountsFromTheRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := benchWith(t, newWire(t), "latency latency=20ms")
		start := time.Now()
		b.input <- &stream.StreamChunk{Data: []byte("a"), Timestamp: start}
		b.expect("a")
		b.input <- &stream.StreamChunk{Data: []byte("b"), Timestamp: start}
		b.expect("b")
		if d := time.Since(start); d != 20*time.Millisecond {
			t.Errorf("two chunks read at once came after %v, want 20ms", d)
		}
		b.expectStruck("0: delayed by 20ms")
		close(b.input)
		b.expectClosed()
	})
}

func TestLatencyOfNothingDoesNotStrike(t *testing.T) {
	b := benchWith(t, newWire(t), "latency latency=-5")
	b.send("a")
	b.expect("a")
	close(b.input)
	b.expectClosed()
	b.expectStruck()
}

func slicerSizes(t *testing.T, flag string, length int) (sizes []int) {
	b := benchWith(t, newWire(t), flag)
	go func() {
		b.send(strings.Repeat("x", length))
		close(b.input)
	}()
	for c := range b.out {
		sizes = append(sizes, len(c.Data))
	}
	<-b.done
	return sizes
}

func TestSlicerSizesAreInRangeAndSeeded(t *testing.T) {
	first := slicerSizes(t, "slicer average_size=64 size_variation=32", 32<<10)
	sum := 0
	for i, n := range first {
		sum += n
		if last := i == len(first)-1; n > 96 || n < 32 && !last {
			t.Errorf("slice %d has %d bytes, want 32 to 96", i, n)
		}
	}
	if mean := sum / len(first); sum != 32<<10 || mean < 60 || mean > 68 {
		t.Errorf("%d bytes in slices of %d on average, want %d in 64", sum, mean, 32<<10)
	}
	if !slices.Equal(first, slicerSizes(t, "slicer average_size=64 size_variation=32", 32<<10)) {
		t.Error("two runs with one seed differ")
	}
	if even := slicerSizes(t, "slicer average_size=64", 256); !slices.Equal(even, []int{64, 64, 64, 64}) {
		t.Errorf("sizes %v without variation", even)
	}
}

func TestSlicerWaitsAfterEachSlice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		slicerSizes(t, "slicer average_size=10 delay=1000", 100)
		if d := time.Since(start); d != 10*time.Millisecond {
			t.Errorf("10 slices took %v, want 10ms", d)
		}
	})
}

func TestResetPeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := benchWith(t, newWire(t), "reset_peer timeout=200")
		time.Sleep(time.Hour)
		b.expectStruck()
		start := time.Now()
		b.send("hello")
		time.Sleep(150 * time.Millisecond)
		b.interrupt()
		b.run()
		b.expectClosed()
		if d := time.Since(start); d != 200*time.Millisecond {
			t.Errorf("reset after %v, want 200ms", d)
		}
		if !slices.Equal(b.wire.ends, []hook.EndMode{hook.Reset}) {
			t.Errorf("ends %v", b.wire.ends)
		}
		b.expectStruck("0: ")
	})
}

func TestResetPeerOnEOF(t *testing.T) {
	b := benchWith(t, newWire(t), "reset_peer")
	close(b.input)
	b.expectClosed()
	b.expectStruck("0: ")
}

func TestResetPeerRemovedInTimeLosesNothing(t *testing.T) {
	b := benchWith(t, newWire(t), "reset_peer timeout=1h")
	b.send("hello")
	b.interrupt()
	go b.toxic.(tp.CleanupToxic).Cleanup(b.stub)
	b.expect("hello")
}

func TestCoalesce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := benchWith(t, newWire(t), "coalesce bytes=6 wait=20")
		b.send("a")
		b.send("b")
		start := time.Now()
		b.expect("ab")
		if d := time.Since(start); d != 20*time.Millisecond {
			t.Errorf("flushed after %v of idleness, want 20ms", d)
		}
		b.send("abc")
		b.send("defg")
		b.expect("abcdefg")
		b.send("rest")
		close(b.input)
		b.expect("rest")
		b.expectClosed()
		b.expectStruck("1: 2 segments merged into 2 bytes")
	})
}

func TestCoalesceSendsChunksOf64KiB(t *testing.T) {
	b := benchWith(t, newWire(t), "coalesce bytes=100000 wait=0")
	go func() {
		for range 4 {
			b.send(strings.Repeat("x", 25000))
		}
		close(b.input)
	}()
	b.expect(strings.Repeat("x", 65536))
	b.expect(strings.Repeat("x", 34464))
	b.expectClosed()
	b.expectStruck("25000: ")
}
