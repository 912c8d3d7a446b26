package coordinator

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/sockharness/harness/harness/procstat"
)

// sweepRounds bounds how often the session is searched: its processes may fork meanwhile.
const sweepRounds = 10

// awaitDeath blocks until the child is dead, and does not wait(2) for it.
func awaitDeath(pid int) bool {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if err != unix.EINTR {
			return err == nil
		}
	}
}

// killLeftovers kills the processes of the dead leader's session that still run: programs under
// test have process groups of their own, but stay in the session.
func killLeftovers(leader int) {
	for range sweepRounds {
		if !sweepOnce(leader) {
			return
		}
	}
}

// sweepOnce reports whether it found a process.
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

// sessionMembers returns the names of the processes of the dead leader's session that
// are alive.
func sessionMembers(leader int) (names []string) {
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == leader || !isMember(pid, leader) {
			continue
		}
		name, _ := os.ReadFile("/proc/" + e.Name() + "/comm")
		names = append(names, strings.TrimSpace(string(name)))
	}
	return names
}

// killMember kills pid if it is alive and of the session.
func killMember(pid, leader int) bool {
	if !isMember(pid, leader) {
		return false
	}
	// The process is looked at again once it is held: its number may have gone to another
	// process before.
	p, err := os.FindProcess(pid)
	if err != nil {
		return false
	}
	defer func() { _ = p.Release() }()
	return isMember(pid, leader) && p.Kill() == nil
}

// isMember reports whether pid is alive and of the session. One call tells so of most of the
// processes of this host, which are not.
func isMember(pid, leader int) bool {
	if session, err := unix.Getsid(pid); err != nil || session != leader {
		return false
	}
	stat, err := procstat.Read(pid)
	return err == nil && !stat.Dead() && stat.Session == leader
}
