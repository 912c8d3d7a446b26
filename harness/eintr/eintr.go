// Package eintr repeats system calls that a signal has interrupted.
//
//	n, err := eintr.Retry(func() (int, error) { return unix.Read(fd, buffer) })
//
// Go's runtime signals its threads at any time, and calls with a time limit, or on
// descriptors that package os does not wrap, then end with EINTR (signal(7)).
package eintr

import "syscall"

// Retry calls until the error is another than EINTR, and returns what the last call did. It
// blocks as long as the call does.
func Retry(call func() (int, error)) (int, error) {
	for {
		if n, err := call(); err != syscall.EINTR {
			return n, err
		}
	}
}
