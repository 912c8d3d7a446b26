//go:build !unix

package sock

import "syscall"

func errnoName(syscall.Errno) string { return "" }

func descriptorLimit() (uint64, bool) { return 0, false }
