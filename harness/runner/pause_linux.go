package runner

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/sockharness/harness/harness/peer"
)

// poll is how often the kernel is asked whether a process has stopped: it
// gives no event for that to anybody but the parent.
const poll = time.Millisecond

// pause stops every process of the server and blocks until each of their
// threads stands still: SIGSTOP takes effect when a thread is next scheduled.
func pause(ctx context.Context, p *peer.Process) error {
	pids := p.Tree()
	for _, pid := range pids {
		if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
			return fmt.Errorf("server pause: %w", err)
		}
	}
	ticker := time.NewTicker(poll)
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
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
		if err != nil {
			return true
		}
		for _, file := range threads {
			text, err := os.ReadFile(file)
			if err != nil {
				continue
			}
			_, state, found := bytes.Cut(text[bytes.LastIndexByte(text, ')')+1:], []byte(" "))
			if found && len(state) > 0 && strings.IndexByte(states, state[0]) >= 0 {
				return true
			}
		}
	}
	return false
}

// resume lets every process of the server go on.
func resume(p *peer.Process) error {
	for _, pid := range p.Tree() {
		if err := syscall.Kill(pid, syscall.SIGCONT); err != nil {
			return fmt.Errorf("server resume: %w", err)
		}
	}
	return nil
}
