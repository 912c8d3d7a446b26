package pipes

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sockharness/harness/harness/procstat"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/sleep"
	"github.com/sockharness/harness/harness/sock"
)

// A session is a connection with the server that was started for it.
type session struct {
	conn    sock.Conn
	process scenario.Process // the one of ours that starts the servers, and all below
	starter int              // its pid
	before  []int            // what ran before the connection
	server  int              // pid
	output  string           // what the kernel calls the server's standard output; empty: not known
}

// startSession connects, and waits until the server of that connection runs. Those of
// conversations before may still be about to end.
func startSession(ctx context.Context, rig scenario.Rig) (*session, error) {
	process, err := rig.ServerProcess()
	if err != nil {
		return nil, err
	}
	s := &session{process: process}
	alone := func(pids []int) bool {
		s.starter, s.before = starterOf(pids, rig.ServerAddr()), pids
		return s.starter != 0 && len(childrenOf(pids, s.starter)) == 0
	}
	if err := awaitTree(ctx, process, alone); err != nil {
		return nil, fmt.Errorf("before the scenario: %w", err)
	}
	if s.conn, err = rig.DialServer(ctx); err != nil {
		return nil, err
	}
	if err := awaitTree(ctx, process, s.findServer); err != nil {
		s.conn.Close()
		return nil, fmt.Errorf("the server was not started: %w", err)
	}
	return s, nil
}

// findServer notes the server among the processes, and reports whether it is there: a child
// of the starter that has become the program already.
func (s *session) findServer(pids []int) bool {
	for _, pid := range childrenOf(pids, s.starter) {
		if runs := exeOf(pid); runs == "" || runs == exeOf(s.starter) {
			continue
		}
		s.server = pid
		s.output, _ = os.Readlink(fdPath(pid, 1))
		return true
	}
	return false
}

// end sends the request and ends the input.
func (s *session) end(rig scenario.ConversationRig, request []byte) error {
	if len(request) > 0 {
		if _, err := s.conn.Write(request); err != nil {
			return err
		}
	}
	if err := s.conn.CloseWrite(); err != nil {
		return err
	}
	rig.ReportStruck("the server's input ended")
	return nil
}

// awaitServerGone blocks until the server's first process has ended, is proven to wait without
// end, or the context ends.
func (s *session) awaitServerGone(ctx context.Context, rig scenario.Rig) error {
	ctx, stop := untilStuck(ctx, rig, nil)
	defer stop()
	return awaitTree(ctx, s.process, func(pids []int) bool { return !slices.Contains(pids, s.server) })
}

// untilStuck returns a context that ends sooner when the server is proven to wait without end,
// which its cause tells. stop must be called; it waits.
//
// The rig does not see what the scenario itself reads and writes on a connection: moved
// counts that, and a proof in whose time something of it moved is made again. Nil: nothing.
func untilStuck(ctx context.Context, rig scenario.KernelRig, moved func() int64) (limited context.Context, stop func()) {
	if moved == nil {
		moved = func() int64 { return 0 }
	}
	limited, cancel := context.WithCancelCause(ctx)
	over := make(chan struct{})
	go func() {
		defer close(over)
		for {
			before := moved()
			text, err := rig.AwaitStuck(limited, false)
			if err != nil {
				return
			}
			if moved() == before {
				cancel(errors.New("it is proven that " + text))
				return
			}
		}
	}()
	return limited, func() { cancel(context.Canceled); <-over }
}

// left returns the processes that the server has left.
func (s *session) left() []int {
	return slices.DeleteFunc(s.process.Tree(), func(pid int) bool {
		return slices.Contains(s.before, pid) || pid == s.server || slices.Contains(childrenOf([]int{pid}, s.starter), pid)
	})
}

// stillFor is for how long processes must have slept to count as left: one that is about to
// end runs.
const stillFor = time.Second

// awaitStill blocks until there are no such processes, until none of them has run for a
// second, or until the context or over ends, and returns those that there are then.
func (s *session) awaitStill(ctx context.Context, over <-chan struct{}, which func() []int) []int {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	last, since := "", time.Now()
	for {
		pids := which()
		if now := ranSoFar(pids); now != last || now == "" {
			last, since = now, time.Now()
		}
		if time.Since(since) >= stillFor {
			return pids
		}
		select {
		case <-tick.C:
		case <-over:
			return nil
		case <-ctx.Done():
			return pids
		}
		if len(pids) == 0 && over == nil {
			return nil
		}
	}
}

// ranSoFar is what the scheduler has given to processes; empty when one of them runs or
// waits for a processor, or there is none.
func ranSoFar(pids []int) string {
	all := ""
	for _, pid := range pids {
		folder := filepath.Join("/proc", strconv.Itoa(pid))
		ran, err := os.ReadFile(filepath.Join(folder, "schedstat"))
		text, _ := os.ReadFile(filepath.Join(folder, "stat"))
		if s, known := procstat.Parse(text); err != nil || !known || s.State == 'R' {
			return ""
		}
		all += fmt.Sprintf("%d %s", pid, ran)
	}
	return all
}

// holders returns those that have the server's output open.
func (s *session) holders(pids []int) []int {
	return slices.DeleteFunc(slices.Clone(pids), func(pid int) bool { return !holds(pid, s.output) })
}

// How often processes are looked at: as time goes by less often, for each look reads a
// hundred files of /proc on a busy machine.
const (
	firstLook   = 2 * time.Millisecond
	longestLook = 50 * time.Millisecond
)

// awaitTree blocks until the processes are as wanted. The kernel gives no event of that.
func awaitTree(ctx context.Context, process scenario.Process, wanted func(pids []int) bool) error {
	for pause := firstLook; ; pause = min(pause*3/2, longestLook) {
		tree := process.Tree()
		if wanted(tree) {
			return nil
		}
		if sleep.For(ctx, pause) {
			continue
		}
		// The wait also ends with a proof that nothing runs any more, perhaps because of
		// what is waited for.
		if tree = process.Tree(); wanted(tree) {
			return nil
		}
		return &treeError{nameProcesses(tree), context.Cause(ctx)}
	}
}

// A treeError says which processes were there when a wait for their end was over.
type treeError struct {
	names string
	cause error
}

// Error implements error.
func (e *treeError) Error() string {
	if errors.Is(e.cause, context.DeadlineExceeded) {
		return e.names + " ran when the time limit was over"
	}
	return e.names + ": " + e.cause.Error()
}

// Unwrap returns why the wait was over.
func (e *treeError) Unwrap() error { return e.cause }

// nameProcesses returns the names of processes with their ids.
func nameProcesses(pids []int) string {
	var names []string
	for _, pid := range pids {
		names = append(names, fmt.Sprintf("%s (pid %d)", programOf(pid), pid))
	}
	return strings.Join(names, ", ")
}

func programOf(pid int) string {
	name, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "comm"))
	if err != nil {
		return "a process that has ended"
	}
	return strings.TrimSpace(string(name))
}

// exeOf returns the file that a process runs.
func exeOf(pid int) string {
	target, _ := os.Readlink(filepath.Join("/proc", strconv.Itoa(pid), "exe"))
	return target
}

// starterOf returns the process that listens at the address and starts the servers, 0 if it
// is not there.
func starterOf(pids []int, address string) int {
	path := strings.TrimPrefix(address, "unix:")
	for _, pid := range pids {
		words, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cmdline"))
		if err == nil && !slices.Contains(pids, parentOf(pid)) && slices.Contains(strings.Split(string(words), "\x00"), path) {
			return pid
		}
	}
	return 0
}

func childrenOf(pids []int, parent int) []int {
	return slices.DeleteFunc(slices.Clone(pids), func(pid int) bool { return parentOf(pid) != parent })
}

func parentOf(pid int) int {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return 0
	}
	s, _ := procstat.Parse(text)
	return s.Parent
}

func fdPath(pid, fd int) string {
	return filepath.Join("/proc", strconv.Itoa(pid), "fd", strconv.Itoa(fd))
}

// holds reports whether a process has the file open.
func holds(pid int, file string) bool {
	folder := filepath.Join("/proc", strconv.Itoa(pid), "fd")
	entries, err := os.ReadDir(folder)
	if err != nil || file == "" {
		return false
	}
	return slices.ContainsFunc(entries, func(e os.DirEntry) bool {
		target, err := os.Readlink(filepath.Join(folder, e.Name()))
		return err == nil && target == file
	})
}
