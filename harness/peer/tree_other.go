//go:build !linux

package peer

import (
	"errors"
	"fmt"
	"time"
)

// BecomeSubreaper fails: only Linux lets a process become the parent of orphans.
func BecomeSubreaper() error { return fmt.Errorf("subreaper: %w", errors.ErrUnsupported) }

// A member is a process of a tree.
type member struct{ pid, group int }

// An alone keeps nothing here.
type alone struct{}

func (alone) end() {}

func (p *Process) isAwake() bool { return false }

func (p *Process) cpuTimes() map[int]time.Duration { return nil }

// liveMembers returns the process alone: descendants that left its group are out
// of sight here.
func (p *Process) liveMembers() (alive []member, certain bool) {
	if p.reaped.Load() {
		return nil, true
	}
	return []member{{pid: p.Pid(), group: p.Pid()}}, true
}

func (p *Process) approxMembers() []member {
	alive, _ := p.liveMembers()
	return alive
}

func (p *Process) socketInodes() map[uint32]struct{} { return nil }

// StartTime returns 0: nobody can tell.
func StartTime(int) uint64 { return 0 }
