package runner

import (
	"testing"
	"time"

	"github.com/sockharness/harness/harness/scenario"
)

// Threads leak only if they grow over so many conversations that every pool is full. The
// rounds of a server that is slow, or on a busy machine, are shorter; they must add up to
// as many.
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
