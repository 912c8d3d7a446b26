package rig

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/await"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/scenario"
)

func retrying(elapsed, limit time.Duration, at ...time.Duration) retryWait {
	return retryWait{start: time.Now().Add(-elapsed), limit: limit,
		attempts: func() scenario.Attempts { return scenario.Attempts{At: at} }}
}

func TestRetryWait(t *testing.T) {
	const s, ms = time.Second, time.Millisecond
	storm := make([]time.Duration, 100)
	for i := range storm {
		storm[i] = time.Duration(i) * ms
	}
	for name, tt := range map[string]struct {
		wait retryWait
		want bool // more time
	}{
		"pauses that grow":        {retrying(2*s, maxRetryWait, 0, 100*ms, 300*ms, 700*ms, 1500*ms), true},
		"one attempt":             {retrying(2*s, maxRetryWait, 0), false},
		"none for a long time":    {retrying(6*s, maxRetryWait, 0, 100*ms, 300*ms), false},
		"a storm":                 {retrying(100*ms, maxRetryWait, storm...), false},
		"all of the time is used": {retrying(12*s, maxRetryWait, 9*s, 10*s, 11*s), false},
		"a declared limit":        {retrying(2*s, 0, 0, s, 2*s), false},
	} {
		if got := tt.wait.moreTime() > 0; got != tt.want {
			t.Errorf("%s: more time is %v, want %v", name, got, tt.want)
		}
	}
}

func TestWhoIsWaitedFor(t *testing.T) {
	for name, tt := range map[string]struct {
		policies scenario.Policies
		want     time.Duration
	}{
		"nothing declared":   {scenario.Policies{}, maxRetryWait},
		"retries declared":   {scenario.Policies{Retries: 3}, maxRetryWait},
		"a limit declared":   {scenario.Policies{AnswerTimeout: time.Second}, 0},
		"retries for ever":   {scenario.Policies{Retries: scenario.RetriesForEver}, 0},
		"limit and retries ": {scenario.Policies{AnswerTimeout: time.Second, Retries: 2}, 0},
	} {
		s := &variantSetup{testbed: NewTestbed(Config{}, scenario.Target{Name: "t"}), tc: scenario.Case{Target: scenario.Target{Policies: tt.policies}}}
		if got := s.retryLimit(); got != tt.want {
			t.Errorf("%s: got %v, want %v", name, got, tt.want)
		}
		if s.noteRetries(maxRetryWait, true); s.retryLimit() != 0 {
			t.Errorf("%s: a client that has used all its time gets as much again", name)
		}
	}
}

// Nothing is known of a program in its control: seconds of work are no spin there.
func TestControlMayCompute(t *testing.T) {
	w := NewTestbed(Config{}, scenario.Target{Name: "t"}).controlWait(event.NewLog(0), nil)
	if least := 5 * time.Second; w.SpinAfter < least || w.SpinAfter >= w.Budget {
		t.Errorf("got %v, want %v at least and less than the budget of %v", w.SpinAfter, least, w.Budget)
	}
}

// A client that connects without a pause is not watched to the end of its time, and no load
// of the machine excuses it.
func TestStormEndsTheWait(t *testing.T) {
	storm := make([]time.Duration, 300)
	for i := range storm {
		storm[i] = time.Duration(i) * time.Millisecond
	}
	for name, tt := range map[string]struct {
		at   []time.Duration
		want bool
	}{
		"300 in a second":                {storm, true},
		"20 in a second, then a pause":   {storm[:20], false},
		"too many, but not beyond doubt": {storm[:100], false},
	} {
		attempts := scenario.Attempts{At: tt.at}
		w := await.Wait{Budget: time.Minute, PIDs: func() []int { return nil }, EndEarly: endOnStorm(attempts.Storms)}
		if tt.want {
			limited, stop := w.Start(t.Context())
			<-limited.Done()
			stop()
			if cause := context.Cause(limited); !errors.Is(cause, scenario.ErrStorms) {
				t.Errorf("%s: the wait ended with %v, want a storm", name, cause)
			}
		} else if w.EndEarly() != nil {
			t.Errorf("%s: called a storm", name)
		}
		o := scenario.Observation{Client: &scenario.Run{TimedOut: true, Storms: tt.want}}
		if o.Stormed() != tt.want || o.TimedOutUnproven() == tt.want {
			t.Errorf("%s: stormed is %v, time alone %v", name, o.Stormed(), o.TimedOutUnproven())
		}
	}
}
