//go:build unix

package coordinator

import (
	"golang.org/x/sys/unix"
)

// pipeMost is how much a pipe holds at most.
const pipeMost = 1 << 20

// readPipe reads until the end.
func (o *output) readPipe() {
	raw, err := o.pipe.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Read(func(fd uintptr) bool {
		for {
			n, err := o.readOnce(int(fd))
			switch {
			case err == unix.EAGAIN:
				return false
			case err != nil && err != unix.EINTR, err == nil && n == 0:
				return true
			}
		}
	})
}

// readWaiting reads what waits in the pipe.
func (o *output) readWaiting() {
	raw, err := o.pipe.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		for read := 0; read < pipeMost; {
			n, err := o.readOnce(int(fd))
			if err != nil && err != unix.EINTR || err == nil && n == 0 {
				return
			}
			read += max(n, 0)
		}
	})
}

// readOnce reads once, and keeps what came before another reader can read more.
func (o *output) readOnce(fd int) (n int, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if n, err = unix.Read(fd, o.buffer[:]); n > 0 {
		o.addLocked(o.buffer[:n])
	}
	return n, err
}
