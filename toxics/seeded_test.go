package toxics

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/seed"
	"github.com/sockharness/harness/toxics/hook"
)

// A loaded wire has dice that the test chooses.
type loaded struct {
	*fakeWire
	seed int64
}

func (w loaded) Rand() *rand.Rand { return seed.New(w.seed).NewRand() }

// A toxic with a seed of its own does the same on every wire;
// one without follows the wire.
func TestSeedIsTheToxics(t *testing.T) {
	delays := func(flag string, seed int64) (list []time.Duration) {
		next := mustMake(t, flag).Instance.(hook.Delayer).Delays(loaded{newWire(t), seed})
		for range 20 {
			list = append(list, next(0))
		}
		return list
	}
	for flag, same := range map[string]bool{"latency latency=100 jitter=50 seed=3": true, "latency latency=100 jitter=50": false} {
		if slices.Equal(delays(flag, 1), delays(flag, 2)) != same {
			t.Errorf("%s: the same on two wires: %v, want %v", flag, !same, same)
		}
	}
}
