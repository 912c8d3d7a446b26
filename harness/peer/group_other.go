//go:build !unix

package peer

import (
	"os"
	"syscall"
)

// resume is nothing here: no signal stops a process.
const resume = syscall.Signal(0)

func ownGroup() *syscall.SysProcAttr { return nil }

// signalGroup knows no groups here: it signals the process alone.
func signalGroup(leader *os.Process, sig syscall.Signal) error {
	if sig == syscall.SIGKILL {
		return leader.Kill()
	}
	return leader.Signal(sig)
}

func signalProcess(pid int, sig syscall.Signal) error {
	p, err := os.FindProcess(pid)
	if err != nil {
		return err
	}
	defer p.Release()
	return signalGroup(p, sig)
}
