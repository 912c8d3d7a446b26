package liveness

import (
	"context"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/probe"
	"github.com/sockharness/harness/harness/scenario"
)

// A looked is a server whose shares of a processor are told, one for each look.
type looked struct {
	scenario.Rig
	shares []float64
	sleeps bool
}

// MeasureSpin implements [scenario.Rig].
func (l *looked) MeasureSpin(context.Context, time.Duration) (probe.Busy, error) {
	share := l.shares[0]
	l.shares = l.shares[min(1, len(l.shares)-1):]
	return probe.Busy{Busiest: share, Elapsed: measured}, nil
}

// AwaitAsleep implements [scenario.Rig].
func (l *looked) AwaitAsleep(ctx context.Context) error {
	if l.sleeps {
		return nil
	}
	return context.DeadlineExceeded
}

// A server that is busy for a moment, and sleeps then, does not spin.
func TestCheckCalm(t *testing.T) {
	for name, tt := range map[string]struct {
		server looked
		spins  bool
	}{
		"calm":           {looked{shares: []float64{0.1}}, false},
		"burst":          {looked{shares: []float64{1, 0.1}, sleeps: true}, false},
		"spins":          {looked{shares: []float64{1}}, true},
		"spins and naps": {looked{shares: []float64{1}, sleeps: true}, true},
	} {
		if err := checkCalm(t.Context(), &tt.server); (err != nil) != tt.spins {
			t.Errorf("%s: got %v, want an error: %v", name, err, tt.spins)
		}
	}
}
