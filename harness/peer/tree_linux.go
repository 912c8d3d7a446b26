package peer

import (
	"bytes"
	"fmt"
	"maps"
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

// adopting reports whether orphans come to us, and whether the kernel tells who they are
// (CONFIG_PROC_CHILDREN).
func adopting() bool {
	var on int32
	err := unix.Prctl(unix.PR_GET_CHILD_SUBREAPER, uintptr(unsafe.Pointer(&on)), 0, 0, 0)
	return err == nil && on != 0 && unix.Access("/proc/thread-self/children", unix.R_OK) == nil
}

// A member is a process of a tree.
type member struct {
	pid, parent, group int
	born               uint64 // clock ticks since boot: tells those apart that had the same pid
	zombie             bool
}

// members returns those that are alive of the process, its descendants and all
// that carry its mark, and buries the dead that we adopted. Nobody is certain
// to be missing when certain is true: whoever was born while we looked descends
// from one who was there before, and that one was seen, alive or dead.
func (p *Process) members() (alive []member, certain bool) {
	p.looking.Lock()
	defer p.looking.Unlock()
	all, certain := p.everybody()
	alive, seen, known := p.among(all)
	p.seen = seen
	return alive, certain && known
}

// near is members for those who count: a child whose sibling ends at that moment
// may be left out.
func (p *Process) near() []member {
	if !adopting() {
		alive, _ := p.members()
		return alive
	}
	p.looking.Lock()
	defer p.looking.Unlock()
	alive, _, _ := p.among(p.offspring())
	return alive
}

// everybody returns the processes among which those of the peer are. Where orphans
// come to us that is less to read than the table of all. It is whole unless one has
// vanished before it was looked at.
func (p *Process) everybody() (all map[int]member, whole bool) {
	if !adopting() {
		return processes()
	}
	const attempts = 4
	all = p.offspring()
	for range attempts {
		before := all
		if all = p.offspring(); maps.Equal(before, all) {
			return all, true
		}
	}
	return all, false
}

// offspring returns the process, the orphans that we adopted, and the descendants of
// both. The kernel gives orphans to the first thread of ours that is alive, which is the
// leader: that of a Go program never ends. One whose sibling was buried while we looked
// may be left out (proc_pid_task_children(5)); that one is then not there a second time.
func (p *Process) offspring() map[int]member {
	all, self := map[int]member{}, os.Getpid()
	childrenOf(self, self, all)
	if _, known := all[p.Pid()]; known { // the leader has begun it
		return all
	}
	if m, threads := readStat(p.Pid()); threads > 0 && m.parent == self {
		all[m.pid] = m
		descendants(m.pid, threads, all)
	}
	return all
}

// among picks the members from some processes, alive and in all. It is certain
// when none of them kept its mark to itself.
func (p *Process) among(all map[int]member) (alive []member, seen map[int]uint64, certain bool) {
	self, ours := os.Getpid(), adopting()
	seen, certain = map[int]uint64{}, true
	for pid, m := range all {
		if pid == self {
			continue
		}
		in := p.kin(all, m)
		if !in && (!ours || descends(all, pid, self)) {
			var known bool
			in, known = p.mark.on(pid)
			certain = certain && known
		}
		if !in {
			continue
		}
		seen[pid] = m.born
		if !m.zombie {
			alive = append(alive, m)
		} else if m.parent == self {
			certain = false
			p.bury(pid)
		}
	}
	return alive, seen, certain
}

// kin reports whether m is known to belong to p without a look at its mark.
// After the process itself was reaped, its pid is no proof of descent; a dead
// child of ours in its group can only be an orphan of it.
func (p *Process) kin(all map[int]member, m member) bool {
	if born, ok := p.seen[m.pid]; ok && born == m.born {
		return true
	}
	root := p.Pid()
	if p.reaped.Load() {
		return m.zombie && m.parent == os.Getpid() && m.group == root && m.pid != root
	}
	return m.pid == root || m.group == root || descends(all, m.pid, root)
}

// bury reaps a zombie that we adopted. The process itself belongs to reap.
func (p *Process) bury(pid int) {
	if pid != p.Pid() {
		unix.Wait4(pid, nil, unix.WNOHANG, nil)
	}
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

// processes reads the process table. It is whole unless one of those that the
// kernel listed had vanished before it was looked at.
func processes() (all map[int]member, whole bool) {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil, false
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	whole = err == nil
	all = make(map[int]member, len(names))
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		m, threads := readStat(pid)
		if threads > 0 {
			all[pid] = m
		}
		whole = whole && threads > 0
	}
	return all, whole
}

// descendants adds the children of a process of so many threads, and theirs, to all.
func descendants(pid, threads int, all map[int]member) {
	if threads == 1 {
		childrenOf(pid, pid, all)
		return
	}
	dir, err := os.Open(procPath(pid, "task"))
	if err != nil {
		return
	}
	names, err := dir.Readdirnames(-1)
	dir.Close()
	if err != nil {
		return
	}
	for _, name := range names {
		tid, _ := strconv.Atoi(name)
		childrenOf(pid, tid, all)
	}
}

// childrenOf adds those whom a thread has begun, and their descendants.
func childrenOf(pid, tid int, all map[int]member) {
	var buffer [4096]byte
	for _, field := range bytes.Fields(readOnce(procPath(pid, fmt.Sprintf("task/%d/children", tid)), buffer[:])) {
		child, _ := strconv.Atoi(string(field))
		if _, known := all[child]; known {
			continue
		}
		if m, threads := readStat(child); threads > 0 {
			all[child] = m
			descendants(child, threads, all)
		}
	}
}

// readOnce reads the beginning of a file of proc(5), which comes in one piece.
func readOnce(path string, buffer []byte) []byte {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	defer unix.Close(fd)
	n, err := unix.Read(fd, buffer)
	if err != nil {
		return nil
	}
	return buffer[:n]
}

// readStat reads what proc_pid_stat(5) says behind the name of the program,
// which may hold blanks and parentheses: state, parent, group, threads, start time. It
// returns 0 threads for a process that is not there.
func readStat(pid int) (m member, threads int) {
	var buffer [1024]byte
	text := readOnce(procPath(pid, "stat"), buffer[:])
	if len(text) == 0 {
		return member{}, 0
	}
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	if len(fields) < 20 {
		return member{}, 0
	}
	parent, _ := strconv.Atoi(string(fields[1]))
	group, _ := strconv.Atoi(string(fields[2]))
	born, _ := strconv.ParseUint(string(fields[19]), 10, 64)
	threads, _ = strconv.Atoi(string(fields[17]))
	state := fields[0][0]
	return member{pid: pid, parent: parent, group: group, born: born, zombie: state == 'Z' || state == 'X'}, max(threads, 1)
}

// Began returns when a process began, in clock ticks since boot (proc_pid_stat(5)), and
// 0 when it has ended, waited for or not, or nobody can tell.
func Began(pid int) uint64 {
	m, threads := readStat(pid)
	if threads == 0 || m.zombie {
		return 0
	}
	return m.born
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
