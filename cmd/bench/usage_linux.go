package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/sockharness/harness/harness/procstat"
)

// ticksPerSecond is what the kernel tells processor times in: USER_HZ.
const ticksPerSecond = 100

// processorTime returns how much processor time a process has used, with its threads and
// the children that have ended.
func processorTime(pid int) (time.Duration, error) {
	own, err := procstat.CPUTime(pid)
	if err != nil {
		return 0, fmt.Errorf("clock of process %d: %w", pid, err)
	}
	s, err := procstat.Read(pid)
	return own + s.ChildCPU, err
}

// familyTime returns how much processor time a process and its descendants have used; of
// process 0, none.
func familyTime(root int) (sum time.Duration, err error) {
	if root == 0 {
		return 0, nil
	}
	for _, pid := range withDescendants(root) {
		if spent, err := procstat.CPUTime(pid); err == nil {
			sum += spent
		}
	}
	return sum, nil
}

// contextSwitches returns how often the threads of a process were taken from a processor.
func contextSwitches(pid int) (sum int64, err error) {
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	for _, task := range tasks {
		text, _ := os.ReadFile(task)
		for line := range strings.Lines(string(text)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.HasSuffix(name, "ctxt_switches") {
				n, _ := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
				sum += n
			}
		}
	}
	return sum, err
}

// readMachineTime returns what the processors have done since the start.
func readMachineTime() (m machineTime, err error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return m, err
	}
	line, _, _ := strings.Cut(string(text), "\n")
	for i, field := range strings.Fields(line)[1:] {
		ticks, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return m, err
		}
		t := time.Duration(ticks) * time.Second / ticksPerSecond
		if i >= 8 { // virtual machines are counted as user, too
			break
		}
		if m.all += t; i != 3 && i != 4 { // idle, iowait
			m.busy += t
		}
	}
	return m, nil
}
