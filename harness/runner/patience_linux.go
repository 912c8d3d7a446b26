package runner

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// threads returns what the scheduler knows of each thread of the processes,
// from schedstat (Documentation/scheduler/sched-stats.rst).
func threads(pids []int) map[int]thread {
	all := map[int]thread{}
	for _, pid := range pids {
		dirs, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", pid))
		if err != nil {
			continue
		}
		for _, dir := range dirs {
			text, err := os.ReadFile(filepath.Join(dir, "schedstat"))
			if err != nil {
				continue
			}
			var t thread
			if _, err := fmt.Sscan(string(text), &t.ran, &t.waited); err != nil {
				continue
			}
			if id, err := strconv.Atoi(filepath.Base(dir)); err == nil {
				all[id] = t
			}
		}
	}
	return all
}
