//go:build unix

package rig

import "syscall"

// SendSIGCHLD implements [scenario.Rig].
func (a *rig) SendSIGCHLD() error {
	if err := a.inForeground(); err != nil {
		return err
	}
	process, _ := a.setup.testbed.ServerProcess()
	if process == nil {
		return errNotOurs
	}
	return process.SignalGroup(syscall.SIGCHLD)
}
