package rig

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/sockharness/harness/harness/scenario"
)

// limitDescriptors lowers the soft limit of open files of a process to the number
// below which room more are free (prlimit(2)): the limit is one on numbers, and a
// process may have been handed a high one.
func limitDescriptors(pid, room int) (restore func() error, err error) {
	taken, err := openDescriptors(pid)
	if err != nil {
		return nil, err
	}
	var before unix.Rlimit
	if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, nil, &before); err != nil {
		return nil, limitDenied(err)
	}
	now := before
	now.Cur = min(firstBeyond(taken, room), before.Max)
	if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, &now, nil); err != nil {
		return nil, limitDenied(err)
	}
	return func() error { return unix.Prlimit(pid, unix.RLIMIT_NOFILE, &before, nil) }, nil
}

// limitDenied says that the kernel keeps the process's limits from us: it has changed its
// user, which makes it another one's (prlimit(2), EPERM). That is no fault of the server.
func limitDenied(err error) error {
	if errors.Is(err, unix.EPERM) {
		return fmt.Errorf("%w: the kernel does not let the harness limit the server's descriptors (prlimit: %w)", scenario.ErrUnsupported, err)
	}
	return err
}

// descriptorsExhausted reports whether the process has a descriptor under each number that
// its limit allows: the next one fails with EMFILE.
func descriptorsExhausted(pid int) (bool, error) {
	var limit unix.Rlimit
	if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, nil, &limit); err != nil {
		return false, err
	}
	numbers, err := openDescriptors(pid)
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

// openDescriptors returns the numbers of those that the process has open.
func openDescriptors(pid int) ([]int, error) {
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
