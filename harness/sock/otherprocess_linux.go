package sock

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

func descriptorOf(pid int, inode uint32) (int, error) {
	dir := filepath.Join("/proc", strconv.Itoa(pid), "fd")
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return 0, fmt.Errorf("descriptors of process %d: %w", pid, ErrNotFound)
	}
	if err != nil {
		return 0, wrapErrno("descriptors", err)
	}
	want := fmt.Sprintf("socket:[%d]", inode)
	for _, e := range entries {
		if target, err := os.Readlink(filepath.Join(dir, e.Name())); err == nil && target == want {
			return strconv.Atoi(e.Name())
		}
	}
	return 0, fmt.Errorf("socket %d in process %d: %w", inode, pid, ErrNotFound)
}

func shrinkSendBuffer(pid, fd, bytes int) error {
	own, err := duplicateFD(pid, fd)
	if err != nil {
		return err
	}
	err = unix.SetsockoptInt(own, unix.SOL_SOCKET, unix.SO_SNDBUF, bytes)
	_ = unix.Close(own)
	return wrapErrno("SO_SNDBUF", err)
}

// duplicateFD duplicates a descriptor of another process. A duplicate that is kept
// would hold back the FIN when that process closes its own.
func duplicateFD(pid, fd int) (int, error) {
	process, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return 0, fmt.Errorf("process %d: %w", pid, ErrNotFound)
	}
	if err != nil {
		return 0, wrapErrno("pidfd_open", err)
	}
	defer unix.Close(process)
	own, err := unix.PidfdGetfd(process, fd, 0)
	if errors.Is(err, unix.EBADF) || errors.Is(err, unix.ESRCH) {
		return 0, fmt.Errorf("descriptor %d of process %d: %w", fd, pid, ErrNotFound)
	}
	return own, wrapErrno("pidfd_getfd", err)
}
