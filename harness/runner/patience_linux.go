package runner

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// delays returns for each thread of the processes how long it has been ready to
// run without running.
func delays(pids []int) map[int]time.Duration {
	all := map[int]time.Duration{}
	for _, pid := range pids {
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", pid))
		if err != nil {
			continue
		}
		for _, dir := range threads {
			text, err := os.ReadFile(filepath.Join(dir, "schedstat"))
			if err != nil {
				continue
			}
			var ran, waited int64
			if _, err := fmt.Sscan(string(text), &ran, &waited); err != nil {
				continue
			}
			if thread, err := strconv.Atoi(filepath.Base(dir)); err == nil {
				all[thread] = time.Duration(waited)
			}
		}
	}
	return all
}
