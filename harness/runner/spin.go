package runner

import (
	"time"

	"github.com/sockharness/harness/harness/await"
	"github.com/sockharness/harness/harness/scenario"
)

// controlCPUFactor is how many times the processor time of the control counts as work.
const controlCPUFactor = 2

// spinTimeSuspected is the same for a target that is known to hang or spin.
const spinTimeSuspected = 250 * time.Millisecond

// spinTimeElsewhere is the same where nothing is judged by it, see [testbed.plantedElsewhere].
const spinTimeElsewhere = 100 * time.Millisecond

// spinThreshold is for how long a thread must have had a processor to count as one that
// never will sleep.
func (p *scenarioRun) spinThreshold() time.Duration {
	work := p.controlCPU()
	switch {
	case p.testbed.knownHanging(p.scenario):
		return work + spinTimeElsewhere
	case p.testbed.suspectedToHang():
		return work + spinTimeSuspected
	}
	return work + await.SpinTime
}

// controlCPU is how much processor time counts as work in one conversation.
func (p *scenarioRun) controlCPU() time.Duration {
	return controlCPUFactor * p.tc.Conversation.CPU
}

// endOnStorm returns why a wait for a client ends before its time: the client connects
// without a pause, and will go on.
func endOnStorm(storms func() bool) func() error {
	return func() error {
		if storms() {
			return scenario.ErrStorms
		}
		return nil
	}
}
