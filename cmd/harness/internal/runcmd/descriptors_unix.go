//go:build unix

package runcmd

import "golang.org/x/sys/unix"

// descriptorLimit is how many files this process may open. The Go runtime has raised the
// soft limit to the hard one.
func descriptorLimit() (limit uint64, known bool) {
	var r unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &r); err != nil {
		return 0, false
	}
	return uint64(r.Cur), true
}
