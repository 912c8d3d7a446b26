//go:build !linux

package doctorcmd

import (
	"errors"
	"runtime"
)

func kernelRelease() string { return "" }

// systemChecks names what only Linux has: everything else works here, too.
func systemChecks() []check {
	var checks []check
	for _, c := range []check{
		{Name: "sock_diag", Status: emulated, Use: "segment boundaries verified as read; the port that a server opens", Instead: "boundaries are timed, and results say unverified; give {port} in the command"},
		{Name: "proc", Use: "processes under test: memory, descriptors, CPU, hangs", Instead: "leaks and CPU are not measured, hangs are found by a timeout"},
		{Name: "subreaper", Status: emulated, Use: "daemons of a server under test are found and ended", Instead: "only child processes are"},
		{Name: "bpf-packets", Status: emulated, Use: "each connect of a client is seen, also the refused ones", Instead: "only accepted connects are counted"},
		{Name: "splice", Status: emulated, Use: "bytes move between sockets inside the kernel", Instead: "they are copied: bulk transfers are slower, nothing else differs"},
		{Name: "timerfd", Status: emulated, Use: "delays of less than a millisecond", Instead: "delays are rounded up to milliseconds"},
		{Name: "prlimit", Use: "a server runs out of descriptors", Instead: "scenarios that use up descriptors are unsupported"},
	} {
		status := c.Status
		if status == "" {
			status = unsupported
		}
		c.Cure = "run on Linux, or in a Linux container"
		checks = append(checks, c.tried(errors.New(runtime.GOOS+" does not have it"), status))
	}
	return append(checks, check{Name: "reset", Use: "RST at a byte offset (SO_LINGER 0)"}.tried(tryReset(), unsupported))
}
