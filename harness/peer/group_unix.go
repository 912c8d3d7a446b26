//go:build unix

package peer

import (
	"os"
	"syscall"
)

// resume lets a process that is stopped see the SIGTERM before it.
const resume = syscall.SIGCONT

// ownGroup puts the process in a group of its own, so that one signal reaches
// its children and a ^C at the terminal does not.
func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

func signalGroup(leader *os.Process, sig syscall.Signal) error {
	return syscall.Kill(-leader.Pid, sig)
}

func signalProcess(pid int, sig syscall.Signal) error { return syscall.Kill(pid, sig) }
