package runner

import (
	"testing"
	"time"

	"github.com/sockharness/harness/harness/scenario"
)

// Threads leak only if they still grow when every pool must be full, after 256 conversations.
// The rounds of a slow server, or on a busy machine, are shorter, and must add up to that.
func TestRoundsOfASlowServerTellALeakOfThreads(t *testing.T) {
	for _, each := range []time.Duration{time.Millisecond, slowConversation} {
		var r scenario.LeakRounds
		for len(r.Rounds) < mostLeakRounds && r.Trend() != scenario.Leaking {
			n := roundSize(len(r.Rounds), each)
			r.Rounds = append(r.Rounds, scenario.Growth{Conversations: n, Threads: n})
		}
		if got := r.Trend(); got != scenario.Leaking {
			t.Errorf("conversations of %v: a thread more for each, and after %d rounds the trend is %v", each, len(r.Rounds), got)
		}
	}
}
