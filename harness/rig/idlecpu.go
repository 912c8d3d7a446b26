package rig

import (
	"context"
	"maps"
	"time"

	"github.com/sockharness/harness/harness/await"
	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/sleep"
)

// How long a server is looked at that is awake although nobody talks to it, and how often:
// one that has just seen its client leave sleeps after a millisecond.
const (
	idleLook   = 10 * time.Millisecond
	idleGlance = 500 * time.Microsecond
)

// SpinsWhenIdle reports whether the server burns a processor although nobody talks to it:
// the next scenario would be judged on what is left of this one. It blocks for 10 ms where a
// thread of the server runs, and for microseconds else. False, too, where the server is no
// process of ours.
func (b *Testbed) SpinsWhenIdle(ctx context.Context) bool {
	process, _ := b.ServerProcess()
	if process == nil || !isAwake(process) {
		return false // most servers are told so in a twentieth of a millisecond
	}
	var began time.Time // of the measurement
	var first await.ThreadStats
	last := process.CPUTimes()
	for first == nil || time.Since(began) < idleLook {
		if !sleep.For(ctx, idleGlance) {
			return false
		}
		now := process.CPUTimes()
		if maps.Equal(last, now) && !process.AnyRunnable() {
			return false // none has run for a while
		}
		if last = now; first != nil {
			continue
		}
		if began, first = time.Now(), await.ReadThreadStats(process.ApproxTree()); len(first) == 0 {
			return false
		}
	}
	passed := time.Since(began)
	busiest := await.ReadThreadStats(process.ApproxTree()).GrowthSince(first).Busiest
	return busiest.Ran+busiest.Waited >= passed*8/10
}

// isAwake reports whether a thread of the server runs, or wants to, at one of two looks: one
// that spins may sleep at the first, between two calls.
func isAwake(server *peer.Process) bool {
	for range 2 {
		if server.AnyRunnable() {
			return true
		}
	}
	return false
}
