package runner

import (
	"testing"
	"time"

	"github.com/sockharness/harness/harness/scenario"
)

// A conversation that took long since there was no processor gives no larger budget. One that took
// long in one of two controls does, however long the other one waited.
func TestBudgetIsWithoutTheWaitForProcessors(t *testing.T) {
	const least = 2 * time.Second
	control := func(took, starved time.Duration) scenario.Conversation {
		return scenario.Conversation{ControlRun: scenario.ControlRun{Took: took, Starved: starved}}
	}
	for _, c := range []struct {
		first, second scenario.Conversation
		want          time.Duration
	}{
		{control(15*time.Second, 14*time.Second), control(time.Second, 0), least},
		{control(15*time.Second, 0), control(time.Second, 0), 30 * time.Second},
		{control(15*time.Second, 14*time.Second), control(4*time.Second, time.Second), 6 * time.Second},
	} {
		both := compareControls(c.first, c.second)
		if got := both.ResponseBudget(least); got != c.want || both.Took != 15*time.Second {
			t.Errorf("took %v, %v: budget %v, want %v", both.Took, both.Starved, got, c.want)
		}
	}
}
