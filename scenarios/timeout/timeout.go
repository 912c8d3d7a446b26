// Package timeout checks what a peer does about silence: a client has a limit to
// the time for which it waits, wherever the silence begins, and a server does
// not keep what a silent client holds for ever where it says so.
package timeout

import (
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/suite"
)

// Declare declares the topic's Ginkgo containers on the bench.
func Declare(b *suite.Bench) { b.Topic("timeout", Scenarios()...) }

// Scenarios lists the topic's scenarios.
func Scenarios() []scenario.Scenario {
	return []scenario.Scenario{beforeAnswer(), midAnswer(), blackHole(), nobodyReads(), lateAnswer(), lateGreeting(), pause(),
		trickle(), idle(), deadPeer(), slowReader()}
}
