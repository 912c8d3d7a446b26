package runner

import (
	"fmt"
	"os"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
)

// limitDescriptors lowers the soft limit of open files of a process to the number
// below which room more are free (prlimit(2)): the limit is one on numbers, and a
// process may have been handed a high one.
func limitDescriptors(pid, room int) (restore func() error, err error) {
	taken, err := descriptors(pid)
	if err != nil {
		return nil, err
	}
	var before unix.Rlimit
	if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, nil, &before); err != nil {
		return nil, err
	}
	now := before
	now.Cur = min(firstBeyond(taken, room), before.Max)
	if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, &now, nil); err != nil {
		return nil, err
	}
	return func() error { return unix.Prlimit(pid, unix.RLIMIT_NOFILE, &before, nil) }, nil
}

// exhausted reports whether the process has a descriptor under each number that
// its limit allows: the next one fails with EMFILE.
func exhausted(pid int) (bool, error) {
	var limit unix.Rlimit
	if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, nil, &limit); err != nil {
		return false, err
	}
	numbers, err := descriptors(pid)
	if err != nil {
		return false, err
	}
	below := uint64(0)
	for _, n := range numbers {
		if uint64(n) < limit.Cur {
			below++
		}
	}
	return below >= limit.Cur, nil
}

// firstBeyond returns the least number below which room numbers are not taken.
func firstBeyond(taken []int, room int) uint64 {
	n := 0
	for ; room > 0; n++ {
		if !slices.Contains(taken, n) {
			room--
		}
	}
	return uint64(n)
}

// descriptors returns the numbers of those that the process has open.
func descriptors(pid int) ([]int, error) {
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		return nil, err
	}
	var numbers []int
	for _, e := range entries {
		if n, err := strconv.Atoi(e.Name()); err == nil {
			numbers = append(numbers, n)
		}
	}
	return numbers, nil
}
