package runner

import (
	"time"

	"github.com/sockharness/harness/harness/await"
)

// controlCPUFactor is how many times the processor time of the control counts as work.
const controlCPUFactor = 2

// spinTimeSuspected is the same for a target that is known to hang or spin.
const spinTimeSuspected = 250 * time.Millisecond

// spinTimeElsewhere is the same where nothing is judged by it, see [targetRun.plantedElsewhere].
const spinTimeElsewhere = 100 * time.Millisecond

// spinThreshold is the processor time after which a thread counts as one that never sleeps.
func (p *scenarioRun) spinThreshold() time.Duration {
	work := p.controlCPU()
	switch {
	case p.target.knownHanging(p.scenario):
		return work + spinTimeElsewhere
	case p.target.suspectedToHang():
		return work + spinTimeSuspected
	}
	return work + await.SpinTime
}

// controlCPU is how much processor time counts as work in one conversation.
func (p *scenarioRun) controlCPU() time.Duration {
	return controlCPUFactor * p.tc.Conversation.CPU
}
