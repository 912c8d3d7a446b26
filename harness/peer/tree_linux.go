package peer

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Subreaper makes this process adopt the orphans among its descendants
// (PR_SET_CHILD_SUBREAPER, prctl(2)). Daemons that a peer leaves behind then
// stay in sight, and the search for them is a matter of our own children. It
// holds for the whole process: the command and the main of a test call it.
func Subreaper() error {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("subreaper: %w", err)
	}
	return nil
}

func adopting() bool {
	var on int32
	err := unix.Prctl(unix.PR_GET_CHILD_SUBREAPER, uintptr(unsafe.Pointer(&on)), 0, 0, 0)
	return err == nil && on != 0
}

// A member is a process of a tree.
type member struct {
	pid, parent, group int
	zombie             bool
}

// members returns the process, its descendants, and all that carry its mark.
func (p *Process) members() (members []member) {
	all := processes()
	root, self, ours := p.Pid(), os.Getpid(), adopting()
	reaped := p.reaped.Load()
	for pid, m := range all {
		switch {
		case pid == self:
		case !reaped && (pid == root || m.group == root || descends(all, pid, root)),
			(!ours || descends(all, pid, self)) && p.mark.on(pid):
			members = append(members, m)
		}
	}
	return members
}

func descends(all map[int]member, pid, ancestor int) bool {
	for range len(all) {
		m, ok := all[pid]
		if !ok {
			return false
		}
		if m.parent == ancestor {
			return true
		}
		pid = m.parent
	}
	return false
}

// processes reads the process table.
func processes() map[int]member {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1)
	all := make(map[int]member, len(names))
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			if m, ok := readStat(pid); ok {
				all[pid] = m
			}
		}
	}
	return all
}

// readStat reads what proc_pid_stat(5) says behind the name of the program,
// which may hold blanks and parentheses: state, parent, group.
func readStat(pid int) (member, bool) {
	text, err := os.ReadFile(procPath(pid, "stat"))
	if err != nil {
		return member{}, false
	}
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	if len(fields) < 3 {
		return member{}, false
	}
	parent, _ := strconv.Atoi(string(fields[1]))
	group, _ := strconv.Atoi(string(fields[2]))
	state := fields[0][0]
	return member{pid: pid, parent: parent, group: group, zombie: state == 'Z' || state == 'X'}, true
}

// bury reaps a zombie that we adopted. It reports false when it is not ours.
func bury(m member) bool {
	if m.parent != os.Getpid() {
		return false
	}
	unix.Wait4(m.pid, nil, unix.WNOHANG, nil)
	return true
}

// sockets returns the inodes of all sockets that the tree has open.
func (p *Process) sockets() map[uint32]struct{} {
	inodes := map[uint32]struct{}{}
	for _, pid := range p.Tree() {
		fds := procPath(pid, "fd")
		names, err := os.ReadDir(fds)
		if err != nil {
			continue
		}
		for _, name := range names {
			target, _ := os.Readlink(fds + "/" + name.Name())
			if text, ok := strings.CutPrefix(target, "socket:["); ok {
				inode, _ := strconv.ParseUint(strings.TrimSuffix(text, "]"), 10, 32)
				inodes[uint32(inode)] = struct{}{}
			}
		}
	}
	return inodes
}
