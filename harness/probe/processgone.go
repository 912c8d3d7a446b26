package probe

import (
	"errors"
	"io/fs"
	"syscall"
)

// ProcessGone reports whether err only says that a process or a thread has ended, as one
// of a server does that forks for each connection.
func ProcessGone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH)
}
