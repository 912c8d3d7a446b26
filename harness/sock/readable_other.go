//go:build !unix

package sock

import "syscall"

func isReadable(syscall.Conn) (bool, error) { return false, ErrUnsupported }
