//go:build unix

package runner

import "syscall"

// Nudge implements [scenario.Rig].
func (a *act) Nudge() error {
	if err := a.inForeground(); err != nil {
		return err
	}
	process, _ := a.bench().process()
	if process == nil {
		return errNotOurs
	}
	return process.Signal(syscall.SIGCHLD)
}
