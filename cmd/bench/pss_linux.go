package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// peakMemory samples until the context ends, and returns the most memory that a process
// and its descendants had together, in kB (proportional: what they share counts once),
// and how many processes those were.
func peakMemory(ctx context.Context, pid int) (kB, processes int, err error) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		sum, n := 0, 0
		for _, one := range withDescendants(pid) {
			if size, err := proportionalMemory(one); err == nil && size > 0 {
				sum, n = sum+size, n+1
			}
		}
		if sum > kB {
			kB, processes = sum, n
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			if kB == 0 {
				return 0, 0, errors.New("the memory of the processes cannot be read")
			}
			return kB, processes, nil
		}
	}
}

// withDescendants returns a process and all that it has started, directly or not.
func withDescendants(pid int) []int {
	all := []int{pid}
	for i := 0; i < len(all); i++ {
		files, _ := filepath.Glob("/proc/" + strconv.Itoa(all[i]) + "/task/*/children")
		for _, file := range files {
			text, _ := os.ReadFile(file)
			for _, field := range bytes.Fields(text) {
				if child, err := strconv.Atoi(string(field)); err == nil {
					all = append(all, child)
				}
			}
		}
	}
	return all
}

func proportionalMemory(pid int) (kB int, err error) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/smaps_rollup")
	if err != nil {
		return 0, err
	}
	for line := range bytes.Lines(text) {
		if fields := bytes.Fields(line); len(fields) > 1 && string(fields[0]) == "Pss:" {
			return strconv.Atoi(string(fields[1]))
		}
	}
	return 0, errors.New("no Pss")
}
