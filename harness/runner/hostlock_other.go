//go:build !unix

package runner

import "github.com/sockharness/harness/harness/sock"

type fileLock struct{}

func openLock(string) (fileLock, error) { return fileLock{}, sock.ErrUnsupported }

func (fileLock) tryLock(bool) bool { return true }

func (fileLock) unlockFile() bool { return true }

func (fileLock) closeFile() {}
