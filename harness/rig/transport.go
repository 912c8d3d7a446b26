package rig

import (
	"time"

	"github.com/sockharness/harness/harness/scenario"
)

// boundaryTimeout is how long a link holds a boundary for a receiver that does not read
// (link.Timeouts).
const boundaryTimeout = 2 * time.Second

// slowStart is how much longer than that a program may take until it reads: one that is
// started for each connection starts first.
func (b *Testbed) slowStart() time.Duration {
	if !b.target.Transport().IsStdio() {
		return 0
	}
	return max(0, 4*b.conversation.Took-boundaryTimeout)
}

// transport returns what our listeners and connections are of, see [Programs].
func (b *Testbed) transport() scenario.Transport { return b.programs.transport() }
