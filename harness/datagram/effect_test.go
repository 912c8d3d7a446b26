package datagram

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sockharness/harness/harness/event"
)

func TestEffects(t *testing.T) {
	for _, test := range []struct {
		flags  string // one toxic a line
		want   string // of 1 to 9
		struck int
	}{
		{"", "1 2 3 4 5 6 7 8 9", 0},
		{"drop", "", 9},
		{"drop count=3", "4 5 6 7 8 9", 3},
		{"drop at.segment=5", "1 2 3 4", 5},
		{"drop at.segment=5 only=true", "1 2 3 4 6 7 8 9", 1},
		{"drop at.segment=5 count=2", "1 2 3 4 7 8 9", 2},
		{"drop at.pattern=7", "1 2 3 4 5 6", 3},
		{"drop at.pattern=7 only=true", "1 2 3 4 5 6 8 9", 1},
		{"drop at.byte=4", "1 2 3 4", 5},
		{"drop at.byte=0", "", 9},
		{"drop at.time=4ms", "1 2 3 4", 5},
		{"drop at.event=open", "", 9},
		{"drop at.event=answer", "1 2 3 4 5 6 7 8 9", 0},
		{"drop every=3", "1 2 4 5 7 8", 3},
		{"drop every=4 burst=2", "1 2 3 6 7", 4},
		{"packet_loss loss_rate=1", "", 9},
		{"packet_loss loss_rate=0", "1 2 3 4 5 6 7 8 9", 0},
		{"packet_loss loss_rate=1 at.segment=8", "1 2 3 4 5 6 7", 2},
		{"duplicate count=1", "1 1 2 3 4 5 6 7 8 9", 1},
		{"duplicate copies=2 at.segment=9", "1 2 3 4 5 6 7 8 9 9 9", 1},
		{"reorder", "2 1 4 3 6 5 8 7 9", 4},
		{"reorder positions=2", "2 3 1 5 6 4 8 9 7", 3},
		{"reorder positions=3 count=1", "2 3 4 1 5 6 7 8 9", 1},
		{"reorder positions=100 hold=3ms count=1", "2 3 1 4 5 6 7 8 9", 1},
		{"latency latency=3 at.segment=4 only=true", "1 2 3 4 5 6 7 8 9", 1},
		{"latency latency=3 at.segment=4 only=true reorder=true", "1 2 3 5 6 4 7 8 9", 1},
		{"bandwidth rate=0", "", 1},
		{"bandwidth rate=1000", "1 2 3 4 5 6 7 8 9", 1},
		{"truncate", "        ", 9},
		{"truncate size=1", "1 2 3 4 5 6 7 8 9", 0},
		{"truncate size=0 at.pattern=2 only=true", "1  3 4 5 6 7 8 9", 1},
		{"drop every=2\nduplicate", "1 1 3 3 5 5 7 7 9 9", 4 + 5},
		{"duplicate\ndrop every=2 name=d", "1 2 3 4 5 6 7 8 9", 9 + 9},
		{"latency latency=5\nreorder", "2 1 4 3 6 5 8 7 9", 1 + 4},
		{"reorder\nlatency latency=5\ndrop at.segment=1 only=true", "1 4 3 6 5 8 7 9", 4 + 1 + 1},
	} {
		t.Run(test.flags, func(t *testing.T) {
			got, struck := play(t, 1, 9, strings.FieldsFunc(test.flags, func(r rune) bool { return r == '\n' })...)
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if len(struck) != test.struck {
				t.Errorf("got %d strikes %v, want %d", len(struck), struck, test.struck)
			}
		})
	}
}

// The same seed strikes the same datagrams, another one others, and the share is
// what was asked for.
func TestSeed(t *testing.T) {
	for _, flag := range []string{"drop toxicity=0.3", "duplicate toxicity=0.3", "reorder toxicity=0.3", "latency latency=10 jitter=9 reorder=true",
		"corrupt toxicity=0.3", "truncate size=1 toxicity=0.3"} {
		first, struck := play(t, 7, 1000, flag)
		again, _ := play(t, 7, 1000, flag)
		other, _ := play(t, 8, 1000, flag)
		if first != again {
			t.Errorf("%s: the same seed gave another sequence", flag)
		}
		if first == other {
			t.Errorf("%s: another seed gave the same sequence", flag)
		}
		if strings.HasPrefix(flag, "d") && (len(struck) < 250 || len(struck) > 350) {
			t.Errorf("%s: struck %d of 1000", flag, len(struck))
		}
	}
}

// A toxic with a seed of its own is the same on each proxy.
func TestSeedOfToxic(t *testing.T) {
	one, _ := play(t, 7, 200, "drop toxicity=0.3 seed=5")
	same, _ := play(t, 8, 200, "drop toxicity=0.3 seed=5")
	other, _ := play(t, 7, 200, "drop toxicity=0.3 seed=6")
	if one != same || one == other {
		t.Errorf("got %q, %q and %q", one, same, other)
	}
}

// Correlated loss comes in bursts: as much is lost behind a loss as was asked for.
func TestCorrelation(t *testing.T) {
	_, struck := play(t, 7, 5000, "packet_loss loss_rate=0.1 correlation=0.6")
	pairs := 0
	for i := 1; i < len(struck); i++ {
		var last, this int
		_, _ = fmt.Sscanf(struck[i-1].Detail, "datagram %d", &last)
		_, _ = fmt.Sscanf(struck[i].Detail, "datagram %d", &this)
		if this == last+1 {
			pairs++
		}
	}
	if share := float64(pairs) / float64(len(struck)); share < 0.65 || share > 0.75 || len(struck) < 1000 {
		t.Errorf("%d were lost, %.2f of them behind another one, want 0.7", len(struck), share)
	}
}

// Whom a toxic strikes does not depend on what others stand before it.
func TestSeedsAreApart(t *testing.T) {
	alone, _ := play(t, 7, 200, "drop toxicity=0.3")
	behind, _ := play(t, 7, 200, "latency latency=5 jitter=5", "duplicate at.event=answer", "drop toxicity=0.3")
	if alone != behind {
		t.Errorf("got %q alone and %q behind others", alone, behind)
	}
}

func TestCorrupt(t *testing.T) {
	for _, test := range []struct {
		flag  string
		flips int
		place int // -1: anywhere
	}{{"corrupt", 1, -1}, {"corrupt bits=5", 5, -1}, {"corrupt bits=1000", 64, -1}, {"corrupt offset=3", 1, 3}, {"corrupt offset=3 bits=20", 8, 3}, {"corrupt offset=8", 0, 8}} {
		sent := "abcdefgh"
		synctest.Test(t, func(t *testing.T) {
			b := newBench(3, makeAll(t, test.flag))
			b.carryDatagram([]byte(sent))
			b.carryDatagram(nil)
			flips := 0
			for i := range len(sent) {
				n := bits.OnesCount8(b.came[0].payload[i] ^ sent[i])
				if flips += n; n > 0 && test.place >= 0 && i != test.place {
					t.Errorf("%s: byte %d changed", test.flag, i)
				}
			}
			if flips != test.flips || b.came[1].payload != "" || len(b.came[0].payload) != len(sent) {
				t.Errorf("%s: %d bits flipped, want %d: %v", test.flag, flips, test.flips, b.came)
			}
			b.finish()
		})
	}
}

func TestDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(3, makeAll(t, "latency latency=100 jitter=20"))
		for i := range 500 {
			b.carryDatagram(fmt.Append(nil, i))
			time.Sleep(7 * time.Millisecond)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if len(b.came) != 500 {
			t.Fatalf("%d came", len(b.came))
		}
		spread := map[time.Duration]bool{}
		for i, a := range b.came {
			delay := a.at - time.Duration(i)*7*time.Millisecond
			if a.payload != fmt.Sprint(i) || delay < 80*time.Millisecond || delay >= 120*time.Millisecond {
				t.Errorf("%s came as number %d after %v", a.payload, i, delay)
			}
			spread[delay.Truncate(10*time.Millisecond)] = true
		}
		if len(spread) != 4 {
			t.Errorf("delays %v, want all from 80 to 120 ms", spread)
		}
		if len(b.struck) != 1 {
			t.Errorf("struck %v, want once", b.struck)
		}
		b.finish()
	})
}

// A latency need not be whole milliseconds.
func TestFineLatency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(3, makeAll(t, "latency latency=200us"))
		b.carryDatagram([]byte("a"))
		time.Sleep(time.Second)
		synctest.Wait()
		if len(b.came) != 1 || b.came[0].at != 200*time.Microsecond {
			t.Errorf("%v came, want one after 200µs", b.came)
		}
		if len(b.struck) != 1 || !strings.HasSuffix(b.struck[0].Detail, "delayed by 0.2 ± 0 ms") {
			t.Errorf("struck %v, want once, by 0.2 ± 0 ms", b.struck)
		}
		b.finish()
	})
}

func TestBandwidth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(3, makeAll(t, "bandwidth rate=10 queue=10kB"))
		for range 20 {
			b.carryDatagram(make([]byte, 1000)) // 100 ms each
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(b.came) != 11 || len(b.struck) != 1+9 { // one is on the way, ten wait
			t.Fatalf("%d came, struck %v", len(b.came), b.struck)
		}
		for i, a := range b.came {
			if a.at != time.Duration(i)*100*time.Millisecond {
				t.Errorf("number %d came after %v", i, a.at)
			}
		}
		b.finish()
	})
}

// A toxic that is removed lets go what it holds, in order; another one goes on.
func TestUpdate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cut, every := mustMake(t, "bandwidth rate=0"), mustMake(t, "drop every=3")
		b := newBench(3, []Toxic{every, cut})
		for i := range 6 {
			b.carryDatagram(fmt.Append(nil, i+1))
		}
		if got := b.payloads(); got != "" {
			t.Fatalf("%q came through a rate of 0", got)
		}
		b.updateChain([]Toxic{every})
		synctest.Wait()
		if got := b.payloads(); got != "1 2 4 5" {
			t.Errorf("got %q", got)
		}
		for i := range 3 {
			b.carryDatagram(fmt.Append(nil, i+7))
		}
		if got := b.payloads(); got != "1 2 4 5 7 8" {
			t.Errorf("the other toxic has begun anew: got %q", got)
		}
		b.finish()
	})
}

func TestHeldIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(3, makeAll(t, "latency latency=1h"))
		n := maxHeld/(MaxPayload+overhead) + 5
		for range n {
			b.carryDatagram(make([]byte, MaxPayload))
		}
		if got := len(b.struck); got != 1+5 {
			t.Errorf("%d strikes, want the delay and 5 lost", got)
		}
		b.finish()
	})
}

func TestStrikesAreTold(t *testing.T) {
	_, struck := play(t, 1, 3, "drop at.segment=2 only=true")
	if len(struck) != 1 || struck[0].Kind != event.Struck || struck[0].Toxic != "drop_downstream" || struck[0].Offset != 1 ||
		struck[0].Detail != "datagram 2 (1 byte) dropped" {
		t.Errorf("got %+v", struck)
	}
}

// Each packet leaves at its time, whichever of the toxics holds it.
func TestToxicsThatHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(3, makeAll(t, "reorder at.segment=1 only=true positions=9 hold=200", "latency latency=10"))
		b.carryDatagram([]byte("1"))
		b.carryDatagram([]byte("2"))
		time.Sleep(time.Second)
		synctest.Wait()
		want := []arrival{{"2", 10 * time.Millisecond}, {"1", 210 * time.Millisecond}}
		if !slices.Equal(b.came, want) {
			t.Errorf("got %v, want %v", b.came, want)
		}
		b.finish()
	})
}
