// Package timeout checks what a peer does about silence: a client has a limit to
// the time for which it waits, wherever the silence begins, and a server does
// not keep what a silent client holds forever where it says so.
package timeout

import (
	"github.com/sockharness/harness/harness/scenario"
)

// Scenarios lists the topic's scenarios.
func Scenarios() []scenario.Scenario {
	return []scenario.Scenario{beforeAnswer(), midAnswer(), blackHole(), nobodyReads(), lateAnswer(), lateGreeting(), pausedReply(),
		trickledBytes(), idle(), deadPeer(), slowReader()}
}
