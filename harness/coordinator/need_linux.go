package coordinator

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/sockharness/harness/harness/probe"
	"github.com/sockharness/harness/harness/sock"
)

// lookAtNeed looks at the workers and at the programs that they have started. Of programs
// that have ended nothing is known. False: this system does not tell.
func lookAtNeed(workers []int) (need, bool) {
	pids := slices.Clone(workers)
	for _, pid := range workers {
		pids = append(pids, childrenOf(pid)...)
	}
	stats, err := probe.ReadSchedStats(pids)
	if errors.Is(err, sock.ErrUnsupported) {
		return need{}, false
	}
	n := need{used: map[int]time.Duration{}, runnable: probe.AnyRunnable(pids)}
	for id, s := range stats {
		n.used[id] = s.Ran + s.Waited
	}
	return n, true
}

// childrenOf returns the processes that those of pid have started.
func childrenOf(pid int) (pids []int) {
	files, _ := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*/children")
	for _, file := range files {
		text, _ := os.ReadFile(file)
		for _, field := range bytes.Fields(text) {
			if child, err := strconv.Atoi(string(field)); err == nil {
				pids = append(pids, child)
			}
		}
	}
	return pids
}
