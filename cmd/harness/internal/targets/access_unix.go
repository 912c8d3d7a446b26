//go:build unix

package targets

import "golang.org/x/sys/unix"

// mayWrite reports whether we may write to the file, as connect(2) asks for.
func mayWrite(path string) bool { return unix.Access(path, unix.W_OK) == nil }
