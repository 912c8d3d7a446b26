//go:build unix

package runner

import (
	"os"

	"golang.org/x/sys/unix"
)

// A fileLock is an open file that is locked by flock(2), which ends with the process.
type fileLock struct{ file *os.File }

func openLock(path string) (fileLock, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	return fileLock{f}, err
}

// tryLock reports whether nobody stands in the way.
func (l fileLock) tryLock(alone bool) bool {
	how := unix.LOCK_SH
	if alone {
		how = unix.LOCK_EX
	}
	return unix.Flock(int(l.file.Fd()), how|unix.LOCK_NB) == nil
}

func (l fileLock) unlockFile() { l.file.Close() }
