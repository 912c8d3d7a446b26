package runner

import (
	"fmt"
	"os"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
)

// limitDescriptors lowers the soft limit of open files of a process to its
// highest descriptor plus room (prlimit(2)): the limit is one on numbers.
func limitDescriptors(pid, room int) (restore func() error, err error) {
	highest, err := highestDescriptor(pid)
	if err != nil {
		return nil, err
	}
	var before unix.Rlimit
	if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, nil, &before); err != nil {
		return nil, err
	}
	now := before
	now.Cur = min(uint64(highest+1+room), before.Max)
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

func highestDescriptor(pid int) (int, error) {
	numbers, err := descriptors(pid)
	if err != nil || len(numbers) == 0 {
		return 0, err
	}
	return slices.Max(numbers), nil
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
