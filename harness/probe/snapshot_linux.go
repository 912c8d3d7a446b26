package probe

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/sockharness/harness/harness/procstat"
)

// A snapshot is what the kernel says of all threads of some processes: for each
// a line with the process, the thread, what schedstat says (time run, time
// waited, times run) and the call it sleeps in. Equal texts mean that no thread
// ran from the first look at the last thread to the second look at the first one.
type snapshot struct{ text []byte }

// takeSnapshot fills the snapshot, or says that a thread runs or has ended meanwhile. A
// process that does not exist has no lines.
// schedstat comes first: a thread that runs after that and sleeps again shows in
// the next snapshot.
func (s *snapshot) takeSnapshot(pids []int) (reason string, err error) {
	s.text = s.text[:0]
	for _, pid := range pids {
		tasks := procPath(pid, "task")
		tids, err := numericNames(tasks)
		if ProcessGone(err) {
			continue
		}
		if err != nil {
			return "", accessError("threads", err)
		}
		for _, tid := range tids {
			reason, err := s.lookThread(pid, tid, tasks+"/"+strconv.Itoa(tid))
			if reason != "" || err != nil {
				return reason, err
			}
		}
	}
	if len(s.text) == 0 {
		return "", ErrGone
	}
	return "", nil
}

func (s *snapshot) lookThread(pid, tid int, dir string) (reason string, err error) {
	s.text = fmt.Appendf(s.text, "%d %d ", pid, tid)
	if s.text, err = appendFile(s.text, dir+"/schedstat"); err != nil {
		return moved, accessError("schedstat", err)
	}
	s.text[len(s.text)-1] = ' '
	start := len(s.text)
	s.text, err = appendFile(s.text, dir+"/syscall")
	if ProcessGone(err) {
		return moved, nil
	}
	if err != nil {
		return "", accessError("syscall", err)
	}
	if bytes.HasPrefix(s.text[start:], []byte("running")) {
		return fmt.Sprintf("%s (pid %d) runs", programName(pid), pid), nil
	}
	return "", nil
}

// A thread is one line of a snapshot.
type thread struct {
	pid, tid int
	number   int // of the system call; -1: none
	args     [6]uint64
}

// A tree is the processes of a snapshot with their threads.
type tree struct {
	pids    []int
	threads map[int][]thread
}

// readTree takes the snapshot apart and says what the calls alone prove: that a
// thread has a timeout.
func (s *snapshot) readTree() (t tree, reason string, err error) {
	t.threads = map[int][]thread{}
	for line := range strings.Lines(string(s.text)) {
		h, ok := parseThread(line)
		if !ok {
			return t, "", fmt.Errorf("syscall line %q: not understood", line)
		}
		if h.number < 0 {
			dead, reason := outsideCall(h)
			if reason != "" {
				return t, reason, nil
			}
			if dead {
				continue
			}
		}
		if reason := h.finiteReason(); reason != "" {
			return t, fmt.Sprintf("%s (pid %d) %s", programName(h.pid), h.pid, reason), nil
		}
		if t.threads[h.pid] == nil {
			t.pids = append(t.pids, h.pid)
		}
		t.threads[h.pid] = append(t.threads[h.pid], h)
	}
	if len(t.pids) == 0 {
		return t, "", ErrGone
	}
	return t, "", nil
}

// parseThread reads "pid tid ran waited times number arg0 … arg5 sp pc", or a
// number of -1 with sp and pc alone.
func parseThread(line string) (thread, bool) {
	f := strings.Fields(line)
	if len(f) < 6 {
		return thread{}, false
	}
	var h thread
	h.pid, _ = strconv.Atoi(f[0])
	h.tid, _ = strconv.Atoi(f[1])
	var err error
	if h.number, err = strconv.Atoi(f[5]); err != nil {
		return h, false
	}
	if h.number < 0 {
		return h, true
	}
	if len(f) < 12 {
		return h, false
	}
	for i := range h.args {
		if h.args[i], err = strconv.ParseUint(f[6+i], 0, 64); err != nil {
			return h, false
		}
	}
	return h, true
}

// outsideCall looks at a thread that sleeps outside of a system call: a dead one
// that nobody has reaped, or one that the kernel works for.
func outsideCall(h thread) (dead bool, reason string) {
	switch state := h.threadState(); state {
	case 'Z', 'X', 0:
		return true, ""
	default:
		return false, fmt.Sprintf("%s (pid %d) sleeps outside of a system call (state %c)", programName(h.pid), h.pid, state)
	}
}

// threadState returns the letter of proc_pid_stat(5), 0 when the thread has ended.
func (h thread) threadState() byte {
	stat, err := procstat.ReadThread(h.pid, h.tid)
	if err != nil {
		return 0
	}
	return stat.State
}

// readMemory copies what the process has at an address, or returns false.
func (h thread) readMemory(at uint64, into []byte) bool {
	local := []unix.Iovec{{Base: &into[0]}}
	local[0].SetLen(len(into))
	n, err := unix.ProcessVMReadv(h.pid, local, []unix.RemoteIovec{{Base: uintptr(at), Len: len(into)}}, 0)
	return err == nil && n == len(into)
}
