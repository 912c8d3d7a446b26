package sock

import (
	"errors"
	"syscall"
)

// ErrnoName returns the system's name of the errno within an error, such as
// "ECONNREFUSED"; "" when there is none in it, or no name for it here.
func ErrnoName(err error) string {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return ""
	}
	return errnoName(errno)
}

// DescriptorLimit returns how many descriptors this process may have at once, and false
// where that is not known.
func DescriptorLimit() (n uint64, known bool) { return descriptorLimit() }
