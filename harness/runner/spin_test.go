package runner

import (
	"testing"
	"time"

	"github.com/sockharness/harness/harness/await"
	"github.com/sockharness/harness/harness/scenario"
)

// The processor time of the control is no spin, and half of it is no sign of one.
func TestSpinIsBeyondTheControl(t *testing.T) {
	p := &scenarioRun{target: newTargetRun(Config{}, nil, scenario.Target{Name: "t"})}
	if got := p.spinThreshold(); got != await.SpinTime {
		t.Errorf("without a control: got %v, want %v", got, await.SpinTime)
	}
	p.tc.Conversation.CPU = 1200 * time.Millisecond
	if got, least := p.spinThreshold(), p.tc.Conversation.CPU+await.SpinTime; got < least {
		t.Errorf("got %v, want at least %v", got, least)
	}
}
