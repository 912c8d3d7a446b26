package probe

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sockharness/harness/harness/procstat"
	"github.com/sockharness/harness/harness/sock"
)

func measureUsage(pids []int, sockets bool) (u Usage, err error) {
	u = Usage{At: time.Now(), open: map[string]int{}}
	var tcp map[uint32]connection
	if sockets {
		table, err := readConnections(false)
		if err != nil {
			return u, accessError("connections", err)
		}
		tcp = table.open
	}
	for _, pid := range pids {
		if err := u.addProcess(pid, tcp); err != nil {
			return u, fmt.Errorf("process %d: %w", pid, err)
		}
	}
	if u.Processes == 0 {
		return u, ErrGone
	}
	return u, nil
}

// addProcess counts one process in, unless it has ended.
func (u *Usage) addProcess(pid int, tcp map[uint32]connection) error {
	stat, err := procstat.Read(pid)
	if err != nil {
		return accessError("stat", err)
	}
	if stat.Dead() {
		return nil
	}
	tids, err := numericNames(procPath(pid, "task"))
	if err != nil {
		return accessError("threads", err)
	}
	open, err := descriptorsOf(pid)
	if err != nil {
		return err
	}
	u.Processes++
	u.Threads += len(tids)
	u.CPU += cpuTime(pid, stat)
	u.Memory += stat.ResidentPages * int64(os.Getpagesize())
	u.addOpen(open, tcp)
	for _, tid := range tids {
		u.addThread(procPath(pid, "task/"+strconv.Itoa(tid)))
	}
	return nil
}

// cpuTime is exact for what the process itself has had, where the kernel tells.
func cpuTime(pid int, stat procstat.Stat) time.Duration {
	if own, err := procstat.CPUTime(pid); err == nil {
		return own + stat.ChildCPU
	}
	return stat.CPU
}

func (u *Usage) addOpen(open []descriptor, tcp map[uint32]connection) {
	u.Descriptors += len(open)
	for _, d := range open {
		name := d.target
		if inode, ok := d.socketInode(); ok {
			u.Sockets++
			c, known := tcp[inode]
			if known {
				name = c.addrPair()
			}
			if known && c.state == sock.CloseWait {
				u.CloseWait++
			}
		}
		u.open[name]++
	}
}

// addThread counts what a thread alone has: its children and its switches.
func (u *Usage) addThread(dir string) {
	children, _ := readFile(dir + "/children")
	for _, child := range strings.Fields(children) {
		pid, _ := strconv.Atoi(child)
		if stat, err := procstat.Read(pid); err == nil && stat.State == 'Z' {
			u.Zombies++
		}
	}
	status, _ := readFile(dir + "/status")
	n, _ := strconv.ParseUint(fieldValue(status, "voluntary_ctxt_switches"), 10, 64)
	u.Switches += n
}

// addrPair names the connection by both addresses.
func (c connection) addrPair() string {
	switch c.state {
	case sock.Listen:
		return "listener " + c.local.String()
	case sock.Established:
		return fmt.Sprintf("socket %v -> %v", c.local, c.remote)
	}
	return fmt.Sprintf("socket %v -> %v (%v)", c.local, c.remote, c.state)
}

// readSchedStats reads schedstat (sched-stats.rst).
func readSchedStats(pids []int) (map[int]SchedStat, error) {
	all := map[int]SchedStat{}
	for _, pid := range pids {
		tids, err := numericNames(procPath(pid, "task"))
		if err = accessError("threads", err); err != nil {
			return nil, err
		}
		for _, tid := range tids {
			text, err := readFile(procPath(pid, "task/"+strconv.Itoa(tid)+"/schedstat"))
			fields := strings.Fields(text)
			if errors.Is(err, os.ErrNotExist) && len(all) == 0 && lacksSchedstat() {
				return nil, fmt.Errorf("schedstat: %w", sock.ErrUnsupported)
			}
			if err != nil || len(fields) < 2 {
				continue
			}
			ran, _ := strconv.ParseInt(fields[0], 10, 64)
			waited, _ := strconv.ParseInt(fields[1], 10, 64)
			all[tid] = SchedStat{pid, time.Duration(ran), time.Duration(waited)}
		}
	}
	if len(all) == 0 {
		return nil, ErrGone
	}
	return all, nil
}

func anyRunnable(pids []int) bool { return slices.ContainsFunc(pids, procstat.AnyRunnable) }

// lacksSchedstat reports whether this kernel has no schedstat (CONFIG_SCHED_INFO).
func lacksSchedstat() bool {
	_, err := readFile("/proc/self/schedstat")
	return ProcessGone(err)
}
