package peer

import "golang.org/x/sys/unix"

// openCalls are the calls that open a file.
func openCalls() []uint32 { return []uint32{unix.SYS_OPENAT, unix.SYS_OPEN} }

// openOf returns the path and the flags of a call that opens a file.
func openOf(call notification) (path, flags uint64, opens bool) {
	switch call.number {
	case unix.SYS_OPENAT:
		return call.arguments[1], call.arguments[2], true
	case unix.SYS_OPEN:
		return call.arguments[0], call.arguments[1], true
	}
	return 0, 0, false
}
