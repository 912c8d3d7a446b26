package sock

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// yieldCPU lets other goroutines run, and other threads on this CPU: the receiver
// is either.
func yieldCPU() {
	runtime.Gosched()
	_, _, _ = unix.Syscall(unix.SYS_SCHED_YIELD, 0, 0, 0)
}
