//go:build !unix

package runner

import "github.com/sockharness/harness/harness/sock"

type lock struct{}

func openLock(string) (lock, error) { return lock{}, sock.ErrUnsupported }

func (lock) try(bool) bool { return true }

func (lock) close() {}
