package rig

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/procstat"
)

// pausePoll is how often the kernel is asked whether a process has stopped: it
// gives no event for that to anybody but the parent.
const pausePoll = time.Millisecond

// pauseProcesses stops every process of the server and blocks until each of their
// threads stands still: SIGSTOP takes effect when a thread is next scheduled.
func pauseProcesses(ctx context.Context, p *peer.Process) error {
	pids := p.ProcessTree()
	if err := signalAll(pids, syscall.SIGSTOP); err != nil {
		return fmt.Errorf("server pause: %w", err)
	}
	ticker := time.NewTicker(pausePoll)
	defer ticker.Stop()
	for anyIn(pids, "RSD") { // not stopped (T) and not gone
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return fmt.Errorf("server pause: %w", context.Cause(ctx))
		}
	}
	return nil
}

// anyIn reports whether a thread of the processes is in one of the states of
// proc_pid_stat(5).
func anyIn(pids []int, states string) bool {
	for _, pid := range pids {
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", pid))
		if err != nil {
			return true
		}
		for _, dir := range threads {
			tid, _ := strconv.Atoi(filepath.Base(dir))
			stat, err := procstat.ReadThread(pid, tid)
			if err == nil && strings.IndexByte(states, stat.State) >= 0 {
				return true
			}
		}
	}
	return false
}

// resumeProcesses lets every process of the server go on.
func resumeProcesses(p *peer.Process) error {
	if err := signalAll(p.ProcessTree(), syscall.SIGCONT); err != nil {
		return fmt.Errorf("server resume: %w", err)
	}
	return nil
}

// signalAll sends s to each of the processes. A server that forks for each connection
// has children that end between the look at the tree and the signal: one that is gone is
// no error while another one is there.
func signalAll(pids []int, s syscall.Signal) error {
	alive, gone := 0, error(nil)
	for _, pid := range pids {
		switch err := syscall.Kill(pid, s); {
		case err == nil:
			alive++
		case errors.Is(err, syscall.ESRCH):
			gone = err
		default:
			return err
		}
	}
	if alive == 0 {
		return gone
	}
	return nil
}
