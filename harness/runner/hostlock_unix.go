//go:build unix

package runner

import (
	"golang.org/x/sys/unix"

	"github.com/sockharness/harness/harness/eintr"
)

// A fileLock is an open file that is locked by flock(2), which ends with the process.
type fileLock struct{ file int }

// openLock opens the file by the call itself: Go's files are given to epoll first.
func openLock(path string) (fileLock, error) {
	file, err := eintr.Retry(func() (int, error) { return unix.Open(path, unix.O_CREAT|unix.O_RDWR|unix.O_CLOEXEC, 0o600) })
	return fileLock{file}, err
}

// tryLock locks the file and reports whether it could.
func (l fileLock) tryLock(alone bool) bool {
	how := unix.LOCK_SH
	if alone {
		how = unix.LOCK_EX
	}
	return unix.Flock(l.file, how|unix.LOCK_NB) == nil
}

// unlockFile reports whether others can lock the file now.
func (l fileLock) unlockFile() bool { return unix.Flock(l.file, unix.LOCK_UN) == nil }

func (l fileLock) closeFile() { unix.Close(l.file) }
