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
	if process == nil || !staysAwake(process) {
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
		if maps.Equal(last, now) && !process.IsAwake() {
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

// idlePauses are how long a server is given in turn to be through with a client that has left.
var idlePauses = [...]time.Duration{100 * time.Microsecond, 200 * time.Microsecond, 400 * time.Microsecond}

// staysAwake reports whether a thread of the server runs, or wants to, whenever it is looked at.
func staysAwake(server *peer.Process) bool {
	for _, pause := range idlePauses {
		if !server.IsAwake() {
			return false
		}
		sleep.Briefly(pause)
	}
	return server.IsAwake()
}
