//go:build unix

package coordinator

import (
	"os/exec"
	"syscall"
)

// apart gives cmd a process group of its own.
func apart(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
