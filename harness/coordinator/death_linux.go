package coordinator

import "golang.org/x/sys/unix"

// awaitDeath blocks until the child is dead, and leaves it to be waited for.
func awaitDeath(pid int) bool {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if err != unix.EINTR {
			return err == nil
		}
	}
}
