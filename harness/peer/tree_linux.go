package peer

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/sockharness/harness/harness/procstat"
)

// BecomeSubreaper makes this process the parent of orphans among its descendants
// (PR_SET_CHILD_SUBREAPER, prctl(2)). Daemons that a peer leaves behind then
// stay in sight, and the search for them is a matter of our own children. It
// holds for the whole process: the command and the main of a test call it.
func BecomeSubreaper() error {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("subreaper: %w", err)
	}
	return nil
}

// isSubreaper reports whether orphans come to us, and whether the kernel tells who they are
// (CONFIG_PROC_CHILDREN).
func isSubreaper() bool {
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

// liveMembers returns those that are alive of the process, its descendants and all
// that carry its mark, and reaps the dead among our own children. None is
// missing when certain is true: a process that was started while we looked descends
// from one that was there before, and that one was seen, alive or dead.
func (p *Process) liveMembers() (alive []member, certain bool) {
	p.looking.Lock()
	defer p.looking.Unlock()
	return p.liveMembersLocked()
}

func (p *Process) liveMembersLocked() (alive []member, certain bool) {
	all, certain := p.allProcesses()
	alive, seen, known := p.filterMembers(all)
	p.seen = seen
	return alive, certain && known
}

// approxMembers is members for those who count: a child whose sibling ends at that moment
// may be left out.
func (p *Process) approxMembers() []member {
	p.looking.Lock()
	defer p.looking.Unlock()
	if self, still := p.alone.stillAlone(); still {
		return []member{self}
	}
	if !isSubreaper() {
		alive, _ := p.liveMembersLocked()
		return alive
	}
	p.alone.beginLook()
	alive, _, _ := p.filterMembers(p.ownDescendants())
	p.alone.endLook(p.Pid(), alive)
	return alive
}

// isAwake looks once where the clock of a process without children says that nothing of it has run
// during that look.
func (p *Process) isAwake() bool {
	if awake, known := p.isAwakeAlone(); known {
		return awake
	}
	for range 2 {
		if slices.ContainsFunc(p.approxMembers(), func(m member) bool { return procstat.AnyRunnable(m.pid) }) {
			return true
		}
	}
	return false
}

// isAwakeAlone is that of a process without children; known is false for others.
func (p *Process) isAwakeAlone() (awake, known bool) {
	p.looking.Lock()
	defer p.looking.Unlock()
	if _, still := p.alone.stillAlone(); !still {
		return false, false
	}
	for range 2 {
		before, failed := procstat.CPUTime(p.Pid())
		runs, err := p.alone.threads.AnyRunnable()
		if err != nil || runs {
			return runs, err == nil
		}
		after, err := procstat.CPUTime(p.Pid())
		if failed == nil && err == nil && before == after {
			return false, true
		}
	}
	return false, true
}

func (p *Process) cpuTimes() map[int]time.Duration {
	times := map[int]time.Duration{}
	for _, m := range p.approxMembers() {
		if spent, err := procstat.CPUTime(m.pid); err == nil {
			times[m.pid] = spent
		}
	}
	return times
}

// allProcesses returns the processes among which those of the peer are. Where orphans
// come to us that is less to read than the table of all. It is whole unless one has
// vanished before it was looked at.
func (p *Process) allProcesses() (all map[int]member, whole bool) {
	if !isSubreaper() {
		return readProcesses()
	}
	const attempts = 4
	all = p.ownDescendants()
	for range attempts {
		before := all
		if all = p.ownDescendants(); maps.Equal(before, all) {
			return all, true
		}
	}
	return all, false
}

// ownDescendants returns the process, the orphans whose parent we are, and the descendants of
// both. The kernel gives orphans to the first thread of ours that is alive, which is the
// leader: that of a Go program never ends. One whose sibling was reaped while we looked
// may be left out (proc_pid_task_children(5)); that one is then not there a second time.
func (p *Process) ownDescendants() map[int]member {
	all, self := map[int]member{}, os.Getpid()
	childrenOf(self, self, all)
	if _, known := all[p.Pid()]; known { // the leader has begun it
		return all
	}
	if m, threads := readStat(p.Pid()); threads > 0 && m.parent == self {
		all[m.pid] = m
		addDescendants(m.pid, threads, all)
	}
	return all
}

// filterMembers picks the members from some processes, alive and in all. It is certain
// when none of them kept its mark to itself.
func (p *Process) filterMembers(all map[int]member) (alive []member, seen map[int]uint64, certain bool) {
	self, ours := os.Getpid(), isSubreaper()
	seen, certain = map[int]uint64{}, true
	for pid, m := range all {
		if pid == self {
			continue
		}
		in := p.isMember(all, m)
		if !in && (!ours || isDescendant(all, pid, self)) {
			var known bool
			in, known = p.mark.isTagged(pid)
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
			p.reapZombie(pid)
		}
	}
	return alive, seen, certain
}

// isMember reports whether m is known to belong to p without a look at its mark.
// After the process itself was reaped, its pid is no proof of descent; a dead
// child of ours in its group can only be an orphan of it.
func (p *Process) isMember(all map[int]member, m member) bool {
	if born, ok := p.seen[m.pid]; ok && born == m.born {
		return true
	}
	root := p.Pid()
	if p.reaped.Load() {
		return m.zombie && m.parent == os.Getpid() && m.group == root && m.pid != root
	}
	return m.pid == root || m.group == root || isDescendant(all, m.pid, root)
}

// reapZombie reaps a zombie that is our child. The process itself belongs to reap.
func (p *Process) reapZombie(pid int) {
	if pid != p.Pid() {
		unix.Wait4(pid, nil, unix.WNOHANG, nil)
	}
}

func isDescendant(all map[int]member, pid, ancestor int) bool {
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

// readProcesses reads the process table. It is whole unless one of those that the
// kernel listed had vanished before it was looked at.
func readProcesses() (all map[int]member, whole bool) {
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

// addDescendants adds the children of a process of so many threads, and theirs, to all.
func addDescendants(pid, threads int, all map[int]member) {
	if threads == 1 {
		childrenOf(pid, pid, all)
		return
	}
	tids, err := procstat.ThreadIDs(pid)
	if err != nil {
		return
	}
	for _, tid := range tids {
		childrenOf(pid, tid, all)
	}
}

// childrenOf adds those whom a thread has begun, and their descendants.
func childrenOf(pid, tid int, all map[int]member) {
	const usual, most = 256, 4096
	path := procPath(pid, fmt.Sprintf("task/%d/children", tid))
	list := readOnce(path, make([]byte, usual))
	if len(list) == usual {
		list = readOnce(path, make([]byte, most))
	}
	for _, field := range bytes.Fields(list) {
		child, _ := strconv.Atoi(string(field))
		if _, known := all[child]; known {
			continue
		}
		if m, threads := readStat(child); threads > 0 {
			all[child] = m
			addDescendants(child, threads, all)
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

// readStat returns a process and the number of its threads, which is 0 when the
// process is not there.
func readStat(pid int) (m member, threads int) {
	stat, err := procstat.Read(pid)
	if err != nil {
		return member{}, 0
	}
	m = member{pid: pid, parent: stat.Parent, group: stat.Group, born: stat.StartTime, zombie: stat.Dead()}
	return m, max(stat.Threads, 1)
}

// StartTime returns when a process began, in clock ticks since boot (proc_pid_stat(5)), and
// 0 when it has ended, waited for or not, or nobody can tell.
func StartTime(pid int) uint64 {
	m, threads := readStat(pid)
	if threads == 0 || m.zombie {
		return 0
	}
	return m.born
}

// socketInodes returns the inodes of all sockets that the tree has open.
func (p *Process) socketInodes() map[uint32]struct{} {
	inodes := map[uint32]struct{}{}
	for _, pid := range p.ProcessTree() {
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
