package toxics

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sockharness/harness/toxics/engine"
)

// What is random is decided by stream offset: the same however the stream was cut.
func TestChanceIsTheSameHoweverTheStreamIsCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var paused []time.Duration
		for _, size := range []int{1, 7, 60} {
			start := time.Now()
			sendAll(t, benchWith(t, newWire(t), "packet_loss loss_rate=0.3 rto=100 segment_size=1"), strings.Repeat("x", 420), size)
			paused = append(paused, time.Since(start))
		}
		if paused[0] == 0 || paused[1] != paused[0] || paused[2] != paused[0] {
			t.Errorf("paused for %v", paused)
		}
	})
	f := mustMake(t, "latency latency=100 jitter=50 seed=3").Instance.(*engine.AttachableToxic)
	byOne, byTen := f.Delays(newWire(t)), f.Delays(newWire(t))
	for offset := int64(0); offset < 100; offset++ {
		if d := byOne(offset); offset%10 == 0 && d != byTen(offset) {
			t.Errorf("at byte %d: two delays", offset)
		}
	}
	var corrupted []string
	for _, size := range []int{1, 7, 60} {
		corrupted = append(corrupted, sendAll(t, benchWith(t, newWire(t), "corrupt every=20"), strings.Repeat("x", 420), size))
	}
	if corrupted[0] != corrupted[1] || corrupted[0] != corrupted[2] {
		t.Errorf("other bytes are corrupt: %q", corrupted)
	}
}
