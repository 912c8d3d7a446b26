package coordinator

import (
	"bytes"
	"errors"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/sockharness/harness/harness/probe"
	"github.com/sockharness/harness/harness/sock"
)

// readyShare is the weight of the time for which a thread was ready to run and got no processor.
// It is low, since other threads run then, and a thread that mostly waits leaves room for
// another worker. A thread that is always ready still counts as one that computes.
const readyShare = 0.65

// lookAtNeed measures the workers and the programs that they have started, as far as these still
// run. It returns false where the system does not tell.
func lookAtNeed(workers []int) (need, bool) {
	var programs []int
	for _, pid := range workers {
		programs = append(programs, childrenOf(pid)...)
	}
	stats, err := probe.ReadSchedStats(slices.Concat(workers, programs))
	if errors.Is(err, sock.ErrUnsupported) {
		return need{}, false
	}
	n := need{used: map[int]time.Duration{}, runnable: probe.AnyRunnable(programs)}
	for id, s := range stats {
		n.used[id] = s.Ran + time.Duration(readyShare*float64(s.Waited))
	}
	return n, true
}

// childrenOf returns the processes that the threads of pid have started.
func childrenOf(pid int) (pids []int) {
	tasks := "/proc/" + strconv.Itoa(pid) + "/task/"
	dir, err := os.Open(tasks)
	if err != nil {
		return nil
	}
	defer dir.Close()
	threads, _ := dir.Readdirnames(-1)
	for _, thread := range threads {
		text, _ := os.ReadFile(tasks + thread + "/children")
		for _, field := range bytes.Fields(text) {
			if child, err := strconv.Atoi(string(field)); err == nil {
				pids = append(pids, child)
			}
		}
	}
	return pids
}
