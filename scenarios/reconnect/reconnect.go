// Package reconnect checks what clients do when nobody lets them in, or throws
// them out: how often they try again, whether they slow down, when they give up,
// and what they ask twice.
package reconnect

import (
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/suite"
)

// Declare declares the topic's Ginkgo containers on the bench.
func Declare(b *suite.Bench) { b.Topic("reconnect", Scenarios()...) }

// Scenarios lists the topic's scenarios.
func Scenarios() []scenario.Scenario {
	return []scenario.Scenario{refused(), acceptThenClose(), acceptThenReset(), backOff(), late(), comesAndGoes(), duplicates(), descriptors()}
}
