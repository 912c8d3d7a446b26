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

// A toxic with a seed of its own does the same on every wire, whoever runs it;
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
	seeds := [2]*seeded{}
	for i := range seeds {
		seeds[i] = mustMake(t, "corrupt every=9 seed=3").Instance.(*attachable).seededWire(loaded{newWire(t), int64(i)}).(*seeded)
	}
	if a, b := seeds[0].Rand().Uint64(), seeds[1].Rand().Uint64(); a != b {
		t.Error("the dice of one seed differ")
	}
}
