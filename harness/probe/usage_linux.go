package probe

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/sockharness/harness/harness/sock"
)

// clockTick is USER_HZ, which is 100 for all programs on Linux.
const clockTick = 10 * time.Millisecond

func measure(pids []int, sockets bool) (u Usage, err error) {
	u = Usage{At: time.Now(), open: map[string]int{}}
	var tcp map[uint32]connection
	if sockets {
		if tcp, err = connections(false); err != nil {
			return u, refused("connections", err)
		}
	}
	for _, pid := range pids {
		if err := u.add(pid, tcp); err != nil {
			return u, fmt.Errorf("process %d: %w", pid, err)
		}
	}
	if u.Processes == 0 {
		return u, ErrGone
	}
	return u, nil
}

// add counts one process in, unless it has ended.
func (u *Usage) add(pid int, tcp map[uint32]connection) error {
	text, err := readFile(procPath(pid, "stat"))
	if err != nil {
		return refused("stat", err)
	}
	stat := statFields(text)
	if len(stat) < 22 || stat[0] == "Z" || stat[0] == "X" {
		return nil
	}
	tids, err := numbers(procPath(pid, "task"))
	if err != nil {
		return refused("threads", err)
	}
	open, err := descriptorsOf(pid)
	if err != nil {
		return err
	}
	u.Processes++
	u.Threads += len(tids)
	for _, ticks := range stat[11:15] { // utime, stime, cutime, cstime
		n, _ := strconv.ParseInt(ticks, 10, 64)
		u.CPU += time.Duration(n) * clockTick
	}
	pages, _ := strconv.ParseInt(stat[21], 10, 64)
	u.Memory += pages * int64(os.Getpagesize())
	u.addOpen(open, tcp)
	for _, tid := range tids {
		u.addThread(procPath(pid, "task/"+strconv.Itoa(tid)))
	}
	return nil
}

func (u *Usage) addOpen(open []descriptor, tcp map[uint32]connection) {
	u.Descriptors += len(open)
	for _, d := range open {
		name := d.target
		if inode, ok := d.socket(); ok {
			u.Sockets++
			c, known := tcp[inode]
			if known {
				name = c.pair()
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
		text, err := readFile("/proc/" + child + "/stat")
		if fields := statFields(text); err == nil && len(fields) > 0 && fields[0] == "Z" {
			u.Zombies++
		}
	}
	status, _ := readFile(dir + "/status")
	n, _ := strconv.ParseUint(field(status, "voluntary_ctxt_switches"), 10, 64)
	u.Switches += n
}

// pair names the connection by both addresses.
func (c connection) pair() string {
	switch c.state {
	case sock.Listen:
		return "listener " + c.local.String()
	case sock.Established:
		return fmt.Sprintf("socket %v -> %v", c.local, c.remote)
	}
	return fmt.Sprintf("socket %v -> %v (%v)", c.local, c.remote, c.state)
}

// turns reads schedstat (sched-stats.rst).
func turns(pids []int) (map[int]Turn, error) {
	all := map[int]Turn{}
	for _, pid := range pids {
		tids, err := numbers(procPath(pid, "task"))
		if err = refused("threads", err); err != nil {
			return nil, err
		}
		for _, tid := range tids {
			text, err := readFile(procPath(pid, "task/"+strconv.Itoa(tid)+"/schedstat"))
			fields := strings.Fields(text)
			if errors.Is(err, os.ErrNotExist) && len(all) == 0 && missing() {
				return nil, fmt.Errorf("schedstat: %w", sock.ErrUnsupported)
			}
			if err != nil || len(fields) < 2 {
				continue
			}
			ran, _ := strconv.ParseInt(fields[0], 10, 64)
			waited, _ := strconv.ParseInt(fields[1], 10, 64)
			all[tid] = Turn{pid, time.Duration(ran), time.Duration(waited)}
		}
	}
	if len(all) == 0 {
		return nil, ErrGone
	}
	return all, nil
}

// inLine reports whether a thread of the processes runs, or would if it got a processor.
func inLine(pids []int) bool {
	for _, pid := range pids {
		tids, _ := numbers(procPath(pid, "task"))
		for _, tid := range tids {
			if (thread{pid: pid, tid: tid}).state() == 'R' {
				return true
			}
		}
	}
	return false
}

// missing reports whether this kernel has no schedstat (CONFIG_SCHED_INFO).
func missing() bool {
	_, err := readFile("/proc/self/schedstat")
	return Vanished(err)
}
