//go:build unix

package coordinator

import (
	"os"
	"os/exec"
	"syscall"
)

// ownSession makes cmd the leader of a session, and so of a process group. Programs under test
// leave the group, but seldom the session.
func ownSession(cmd *exec.Cmd) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setsid, cmd.SysProcAttr.Setpgid = true, false
}

// givesFiles reports whether a process can be started with an open file.
const givesFiles = true

// closeOnExec keeps a descriptor from the programs that this process starts.
func closeOnExec(descriptor int) { syscall.CloseOnExec(descriptor) }

func interruptGroup(p *os.Process) error { return syscall.Kill(-p.Pid, syscall.SIGINT) }

func dumpProcess(p *os.Process) error { return p.Signal(syscall.SIGQUIT) }

func killGroup(p *os.Process) error { return syscall.Kill(-p.Pid, syscall.SIGKILL) }
