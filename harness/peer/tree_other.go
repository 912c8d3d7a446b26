//go:build !linux

package peer

import (
	"errors"
	"fmt"
)

// Subreaper fails: only Linux lets a process adopt its orphans.
func Subreaper() error { return fmt.Errorf("subreaper: %w", errors.ErrUnsupported) }

// A member is a process of a tree.
type member struct{ pid, group int }

// members returns the process alone: descendants that left its group are out
// of sight here.
func (p *Process) members() (alive []member, certain bool) {
	if p.reaped.Load() {
		return nil, true
	}
	return []member{{pid: p.Pid(), group: p.Pid()}}, true
}

func (p *Process) near() []member {
	alive, _ := p.members()
	return alive
}

func (p *Process) sockets() map[uint32]struct{} { return nil }

// Began returns 0: nobody can tell.
func Began(int) uint64 { return 0 }
