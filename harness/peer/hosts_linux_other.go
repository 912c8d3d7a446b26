//go:build linux && !amd64

package peer

import "golang.org/x/sys/unix"

// openCalls are the calls that open a file.
func openCalls() []uint32 { return []uint32{unix.SYS_OPENAT} }

// openOf returns the path and the flags of a call that opens a file.
func openOf(call notification) (path, flags uint64, opens bool) {
	return call.arguments[1], call.arguments[2], call.number == unix.SYS_OPENAT
}
