package coordinator

import (
	"bytes"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// sweepRounds bounds the hunt for processes that are forked while it goes on.
const sweepRounds = 10

// awaitDeath blocks until the child is dead, and leaves it to be waited for.
func awaitDeath(pid int) bool {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if err != unix.EINTR {
			return err == nil
		}
	}
}

// sweep kills what the session's dead leader has left alive: the programs
// under test have process groups of their own, but stay in the session.
func sweep(leader int) {
	for range sweepRounds {
		if !sweepOnce(leader) {
			return
		}
	}
}

// sweepOnce reports whether it found anybody.
func sweepOnce(leader int) bool {
	proc, err := os.Open("/proc")
	if err != nil {
		return false
	}
	defer proc.Close()
	names, err := proc.Readdirnames(-1)
	if err != nil {
		return false
	}
	found := false
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil && pid != leader && killMember(pid, leader) {
			found = true
		}
	}
	return found
}

// killMember kills pid if it is alive and of the session.
func killMember(pid, leader int) bool {
	if !isMember(pid, leader) {
		return false
	}
	// The process is held first and looked at again then, so that its number
	// cannot have gone to somebody else.
	p, err := os.FindProcess(pid)
	if err != nil {
		return false
	}
	defer func() { _ = p.Release() }()
	return isMember(pid, leader) && p.Kill() == nil
}

// isMember reads proc_pid_stat(5): state, parent, group and session follow the
// name, which is in parentheses and may hold some.
func isMember(pid, leader int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 4 || fields[0][0] == 'Z' || fields[0][0] == 'X' {
		return false
	}
	return string(fields[3]) == strconv.Itoa(leader)
}
