package runcmd

import (
	"os"
	"runtime"
	"runtime/debug"
)

// gcPercent keeps the heaps of a run small: it has one process for each worker, and what a
// spec needs is garbage when it is over. 60 % would cost 4 % more of processor time, for each
// collection also scans 5 MB of variables that never change.
const gcPercent = 100

// zooPercent is for the workers of a zoo, whose live heaps are a few megabytes: at gcPercent the
// collector takes a seventh of their processor time, most of it for variables that never change.
const zooPercent = 400

// planPercent is for the time before the workers start: most of what is read until then stays. At
// 60 % a fifth of that time would be the collector's.
const planPercent = 200

// planQuickly makes the garbage collector come later until [saveMemory], unless GOGC says otherwise.
func planQuickly() {
	collectAt(planPercent)
}

// saveMemory makes the garbage collector come sooner, unless GOGC says otherwise.
func saveMemory() { collectAt(gcPercent) }

// workerPercent is how much garbage a worker leaves, in percent of its live heap.
func workerPercent(zoo bool) int {
	if zoo {
		return zooPercent
	}
	return gcPercent
}

// collectAt sets the percentage of the garbage collector, unless GOGC says otherwise.
func collectAt(percent int) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(percent)
	}
}

// runNarrow keeps this process to one processor until the caller calls what it returns: who
// only hands out work and takes reports would spend more on waking threads than they do.
func runNarrow() (restore func()) {
	before := runtime.GOMAXPROCS(1)
	return func() { runtime.GOMAXPROCS(before) }
}

// workerThreads is how many processors each of some workers, which run at the same time, uses at once.
func workerThreads(workers int) int { return max(1, runtime.GOMAXPROCS(0)/max(1, workers)) }
