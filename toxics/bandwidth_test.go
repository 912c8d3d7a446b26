package toxics

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// arrivals sends size bytes in chunks at once and returns when the first and
// the last of them came, from the start.
func arrivals(t *testing.T, b *bench, size, chunk int) (first, last time.Duration) {
	t.Helper()
	start := time.Now()
	go func() {
		for left := size; left > 0; left -= chunk {
			b.send(strings.Repeat("x", min(chunk, left)))
		}
		close(b.input)
	}()
	got := 0
	for c := range b.out {
		if got == 0 {
			first = time.Since(start)
		}
		got += len(c.Data)
		last = time.Since(start)
	}
	<-b.done
	if got != size {
		t.Errorf("%d of %d bytes came", got, size)
	}
	return first, last
}

// On a clock without errors the last byte comes when a wire of the rate would
// have carried it, and the first one within a millisecond.
func TestBandwidthIsThatOfAWire(t *testing.T) {
	for _, rate := range []int{1, 3, 100, 1000, 100_000, 1_000_000} {
		for _, chunk := range []int{7, 4096, 32 << 10} {
			size := rate*500 + 333 // half a second and some
			if size/chunk > 10_000 {
				continue
			}
			t.Run(fmt.Sprintf("%d KB/s in %d", rate, chunk), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					first, last := arrivals(t, benchWith(t, newWire(t), fmt.Sprintf("bandwidth rate=%d", rate)), size, chunk)
					want := time.Duration(size) * time.Millisecond / time.Duration(rate)
					if off := (last - want).Abs(); off > want/10_000 {
						t.Errorf("the last of %d bytes came after %v, want %v", size, last, want)
					}
					if first > time.Millisecond {
						t.Errorf("the first byte came after %v, want a millisecond at most", first)
					}
				})
			})
		}
	}
}

// Timers that are up to 80 ms late do not lower the rate.
func TestBandwidthMakesUpForLateTimers(t *testing.T) {
	for _, rate := range []int64{1, 100, 100_000} {
		dice := rand.New(rand.NewPCG(1, 1))
		p := &pace{rate: rate}
		start := time.Unix(1000, 0)
		now, sent := start, 0
		for now.Sub(start) < 5*time.Second {
			n, due := p.reserveSlot(now, now, 32<<10, mostPiece)
			if due.After(now) {
				now = due.Add(time.Duration(dice.IntN(80_000)) * time.Microsecond)
			}
			sent += n
			if limit := int64(now.Sub(start)) * rate / int64(time.Millisecond); int64(sent) > limit {
				t.Fatalf("%d KB/s: %d bytes after %v, at most %d could be", rate, sent, now.Sub(start), limit)
			}
		}
		want := float64(now.Sub(start).Milliseconds()) * float64(rate)
		if share := float64(sent) / want; share < 0.99 || share > 1 {
			t.Errorf("%d KB/s: %.4f of the rate", rate, share)
		}
	}
}

// After an idle time nothing is owed to the source.
func TestBandwidthSavesNothingUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := benchWith(t, newWire(t), "bandwidth rate=1")
		for range 3 {
			time.Sleep(time.Hour)
			start := time.Now()
			b.send("ab")
			b.expect("a")
			b.expect("b")
			if d := time.Since(start); d != 2*time.Millisecond {
				t.Errorf("2 bytes took %v at 1 KB/s", d)
			}
		}
		close(b.input)
		b.expectClosed()
		b.expectStruck("0: limited to 1 KB/s")
	})
}

// Five links of one toxic share its rate evenly; without shared each has it whole.
func TestBandwidthIsShared(t *testing.T) {
	const links, size = 5, 10_000 // Bytes per link
	for flag, want := range map[string]time.Duration{"bandwidth rate=10 shared=true": 5 * time.Second, "bandwidth rate=10": time.Second} {
		synctest.Test(t, func(t *testing.T) {
			instance := mustMake(t, flag).Instance
			var all sync.WaitGroup
			for range links {
				b := benchFor(t, newWire(t), instance)
				all.Go(func() {
					first, last := arrivals(t, b, size, 1000)
					if off := want - last; off < 0 || off > want/10 {
						t.Errorf("%s: a link was ready after %v, want %v", flag, last, want)
					}
					if first > 20*time.Millisecond {
						t.Errorf("%s: a first byte came after %v", flag, first)
					}
				})
			}
			start := time.Now()
			all.Wait()
			if d := time.Since(start); (d - want).Abs() > want/10_000 {
				t.Errorf("%s: all were ready after %v, want %v", flag, d, want)
			}
		})
	}
}

// A bandwidth of nothing lets an end pass that no data precedes.
func TestBandwidthOfNothingPassesAnEnd(t *testing.T) {
	b := benchWith(t, newWire(t), "bandwidth rate=0")
	close(b.input)
	b.expectClosed()
	b.expectStruck()
}
