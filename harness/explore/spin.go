package explore

import (
	"context"
	"fmt"
	"time"

	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/probe"
	"github.com/sockharness/harness/harness/sleep"
)

// enoughCPU is how much processor time somebody must burn that spins, and mostSpin how
// long that is waited for: on a busy machine it takes its time.
const (
	enoughCPU = 150 * time.Millisecond
	mostSpin  = 5 * time.Second
)

// measureSpin says how busy a process and its descendants are; nothing when they are not.
// Work that is left over from before ends; who spins goes on.
func measureSpin(ctx context.Context, p *peer.Process, over time.Duration) string {
	var ran time.Duration
	for began := time.Now(); time.Since(began) < mostSpin && ctx.Err() == nil; {
		share, cpu := busyFor(ctx, p.ApproxTree(), over)
		if share < busyShare {
			return ""
		}
		if ran += cpu; ran >= enoughCPU {
			return fmt.Sprintf("it used %d ms of processor time in %d ms", ran.Milliseconds(), time.Since(began).Milliseconds())
		}
	}
	return ""
}

// isBusy reports whether the threads of a process run at the moment, or want to.
func isBusy(ctx context.Context, p *peer.Process) bool {
	share, _ := busyFor(ctx, p.ApproxTree(), spinGlance)
	return share > busyShare/2
}

// busyFor is for how much of a time the threads of processes, all together, ran or were
// ready to, and how long they ran: those that share a lock take turns, and on a busy
// machine they wait.
func busyFor(ctx context.Context, pids []int, over time.Duration) (share float64, ran time.Duration) {
	before, err := probe.ReadSchedStats(pids)
	if err != nil {
		return 0, 0
	}
	began := time.Now()
	sleep.For(ctx, over)
	after, err := probe.ReadSchedStats(pids)
	if err != nil || ctx.Err() != nil {
		return 0, 0
	}
	var waited time.Duration
	for tid, a := range after {
		ran += a.Ran - before[tid].Ran
		waited += a.Waited - before[tid].Waited
	}
	return float64(ran+waited) / float64(time.Since(began)), ran
}

// cpuOf is how long the threads of a process that run now have run.
func cpuOf(p *peer.Process) time.Duration {
	all, err := probe.ReadSchedStats(p.ApproxTree())
	if err != nil {
		return 0
	}
	var sum time.Duration
	for _, s := range all {
		sum += s.Ran
	}
	return sum
}
