//go:build !linux

package peer

// startMarked starts the process. No process could be found by its mark here.
func (p *Process) startMarked() error { return p.cmd.Start() }
