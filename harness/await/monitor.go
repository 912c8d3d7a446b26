package await

import (
	"cmp"
	"time"

	"github.com/sockharness/harness/harness/probe"
)

// A cpuMonitor is what the scheduler has told so far.
type cpuMonitor struct {
	Wait
	at                      time.Time
	tree                    []int // the peers' processes, as of the first look
	peerThreads, ownThreads ThreadStats
	moves                   int64

	elapsed, cpuWait, ran time.Duration
	idleSince             cpuSample     // since when nothing has moved and one thread has not slept
	ranSince              time.Duration // for which a thread of the peers that does not sleep ran while nothing moved
}

// undecided reports whether a thread is busy at the end of the budget, so that a little
// more time tells work from a spin.
func (l *cpuMonitor) undecided() bool {
	return l.ranSince > 0 && l.elapsed < (1+maxStretch)*(l.Budget+cmp.Or(l.SpinAfter, SpinTime))
}

// budgetUsed is how much of the budget is gone.
func (l *cpuMonitor) budgetUsed() time.Duration {
	if l.ran >= l.Budget/2+l.Work {
		return l.elapsed
	}
	return l.elapsed - min(l.cpuWait, maxStretch*l.Budget)
}

// A cpuSample is a reading of the peers' threads.
type cpuSample struct {
	at    time.Time
	peers ThreadStats
}

// wasAwake reports whether a thread was awake all the time, as far as two
// readings can tell that are not taken at the very same moment as the time.
func wasAwake(t probe.SchedStat, passed time.Duration) bool {
	const skew = 30 * time.Millisecond
	return t.Ran+t.Waited+skew >= passed*9/10
}

// countedPIDs returns the peers whose threads are looked at.
func (w Wait) countedPIDs() []int {
	if w.ApproxPIDs != nil {
		return w.ApproxPIDs()
	}
	return w.PIDs()
}

func newCPUMonitor(w Wait) *cpuMonitor {
	tree := w.countedPIDs()
	now := cpuSample{time.Now(), ReadThreadStats(tree)}
	return &cpuMonitor{Wait: w, at: now.at, tree: tree, peerThreads: now.peers, idleSince: now, ownThreads: OwnThreadStats(), moves: w.progressCount()}
}

func (l *cpuMonitor) reportCPUWait() {
	if l.Wait.OnCPUWait != nil {
		l.Wait.OnCPUWait(l.cpuWait)
	}
}

// progressCount tells how much has moved so far.
func (w Wait) progressCount() int64 {
	if w.Moved == nil {
		return 0
	}
	return w.Moved()
}

func (l *cpuMonitor) takeSample() {
	now, peers, ours, moves := time.Now(), ReadThreadStats(l.tree), OwnThreadStats(), l.Wait.progressCount()
	passed := now.Sub(l.at)
	theirs, own := peers.GrowthSince(l.peerThreads), ours.GrowthSince(l.ownThreads)
	l.elapsed += passed
	l.cpuWait += min(passed, max(theirs.Waited, own.Waited))
	l.ran += theirs.Ran
	if l.Moved == nil || moves != l.moves || !wasAwake(peers.GrowthSince(l.idleSince.peers).Busiest, now.Sub(l.idleSince.at)) {
		l.idleSince = cpuSample{now, peers}
	}
	l.ranSince = peers.GrowthSince(l.idleSince.peers).Busiest.Ran
	l.at, l.peerThreads, l.ownThreads, l.moves = now, peers, ours, moves
}
