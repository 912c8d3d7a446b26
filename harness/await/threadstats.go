package await

import (
	"os"
	"time"

	"github.com/sockharness/harness/harness/probe"
)

// ThreadStats is what the scheduler has given each thread of some processes, by thread id.
type ThreadStats map[int]probe.SchedStat

// ReadThreadStats returns what the scheduler has given each thread of the processes;
// nothing where the system does not tell.
func ReadThreadStats(pids []int) ThreadStats {
	turns, err := probe.ReadSchedStats(pids)
	if err != nil {
		return nil
	}
	return turns
}

// OwnThreadStats is that of the threads of this process.
func OwnThreadStats() ThreadStats { return ReadThreadStats([]int{os.Getpid()}) }

// CPUGrowth is what threads have got between two readings.
type CPUGrowth struct {
	Waited  time.Duration   // the longest time that one thread has waited for a processor
	Ran     time.Duration   // how long all have had one
	Busiest probe.SchedStat // of the thread that was awake the longest, with a processor or without
}

// GrowthSince compares with an earlier reading. A thread that has ended since counts nothing.
func (s ThreadStats) GrowthSince(before ThreadStats) (g CPUGrowth) {
	for id, now := range s {
		w, r := now.Waited-before[id].Waited, now.Ran-before[id].Ran
		g.Waited, g.Ran = max(g.Waited, w), g.Ran+r
		if w+r > g.Busiest.Waited+g.Busiest.Ran {
			g.Busiest = probe.SchedStat{PID: now.PID, Ran: r, Waited: w}
		}
	}
	return g
}
