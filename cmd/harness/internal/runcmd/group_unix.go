//go:build unix

package runcmd

import (
	"os/exec"
	"syscall"
)

// ownGroup keeps ^C at the terminal from reaching cmd twice: once from the terminal and
// once from us.
func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
