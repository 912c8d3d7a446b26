// Package reconnect checks what clients do when nobody lets them in, or throws
// them out: how often they try again, whether they slow down, when they give up,
// and what they ask twice.
package reconnect

import (
	"github.com/sockharness/harness/harness/scenario"
)

// Scenarios lists the topic's scenarios.
func Scenarios() []scenario.Scenario {
	return []scenario.Scenario{refusedConnects(), acceptThenClose(), acceptThenReset(), backOff(), lateServer(), comesAndGoes(), duplicateRequests(), descriptorLeak()}
}
