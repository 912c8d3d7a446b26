package peer

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// guardianVariable makes a process a guardian; its value is the run.
const guardianVariable = "HARNESS_GUARDIAN"

const guardianBound = 30 * time.Second // for its start on a machine that may be busy, and for its work

// StartGuardian starts the one process that outlives us, for a moment: when
// this process ends, however it ends, the guardian kills every process that
// carries the mark of the run, daemons included, and exits. It is our own
// binary again, whose main must call [GuardianMain] first. Everything that is
// started from now on inherits the mark, through HARNESS_RUN in our
// environment. Run is any text without commas that no other run uses. When
// nobody is left, the guardian removes the folders, which need not exist yet.
//
// It does not wait for the guardian, which learns of our end even if that comes before its
// own start is over; see [Guardian.AwaitReady]. The caller must stop it.
func StartGuardian(run string, folders ...string) (*Guardian, error) {
	if run == "" || strings.ContainsAny(run, ",\x00") {
		return nil, fmt.Errorf("guardian start: run %q is empty or has a comma", run)
	}
	if os.Getenv(guardianVariable) != "" {
		return nil, errors.New("guardian start: this process is one: its main does not call GuardianMain first")
	}
	g, err := launchGuardian(run, folders)
	if err != nil {
		return nil, fmt.Errorf("guardian start: %w", err)
	}
	g.outer, g.nested = os.LookupEnv(runVariable)
	os.Setenv(runVariable, joinList(g.outer, run))
	return g, nil
}

// A Guardian is the process, seen from the one that it guards.
type Guardian struct {
	cmd    *exec.Cmd
	life   *os.File // open as long as we live
	ready  *os.File // where it says that it is a guardian
	outer  string   // runs that we belong to ourselves
	nested bool     // there is one
}

func launchGuardian(run string, folders []string) (*Guardian, error) {
	path, err := os.Executable()
	if err != nil {
		return nil, err
	}
	if folders, err = absolutePaths(folders); err != nil {
		return nil, err
	}
	theirs, ours, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	g := &Guardian{cmd: exec.Command(path), life: ours}
	g.cmd.Env = append(os.Environ(), guardianVariable+"="+run)
	g.cmd.Stdin = theirs
	g.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // no ^C, no kill of our group
	ready, err := g.cmd.StdoutPipe()
	if err == nil {
		err = g.cmd.Start()
	}
	if err != nil {
		ours.Close()
		return nil, err
	}
	g.ready = ready.(*os.File)
	if _, err := io.WriteString(ours, strings.Join(folders, "\x00")); err != nil {
		g.endProcess()
		return nil, err
	}
	return g, nil
}

// AwaitReady blocks until the guardian has said that it is one, or has failed to: a program
// whose main does not call [GuardianMain] says nothing, and is killed. Call it once.
func (g *Guardian) AwaitReady() error {
	g.ready.SetReadDeadline(time.Now().Add(guardianBound))
	_, err := io.ReadFull(g.ready, make([]byte, 1))
	if err == nil {
		return nil
	}
	g.cmd.Process.Kill()
	return fmt.Errorf("guardian start: %s does not answer as a guardian: does its main call GuardianMain? %w", g.cmd.Path, err)
}

// Stop tells the guardian that the run is over, waits until it has killed what
// is left, has removed the folders and has ended, and takes the mark back; it
// may be called again.
func (g *Guardian) Stop() {
	if !g.endProcess() {
		return
	}
	if os.Unsetenv(runVariable); g.nested {
		os.Setenv(runVariable, g.outer)
	}
}

// endProcess ends the guardian; it reports false when that was done before.
func (g *Guardian) endProcess() bool {
	if g.life.Close() != nil {
		return false
	}
	g.cmd.Wait()
	return true
}

// absolutePaths returns the paths of the folders as they are wherever the guardian is.
func absolutePaths(folders []string) ([]string, error) {
	paths := make([]string, len(folders))
	for i, folder := range folders {
		path, err := filepath.Abs(folder)
		if err != nil {
			return nil, err
		}
		paths[i] = path
	}
	return paths, nil
}

// GuardianMain does the work of a guardian and returns true when this process
// was started as one; main then returns. Otherwise it returns false at once.
// Call it first in main and in TestMain. It runs [LauncherMain], too.
func GuardianMain() bool {
	launcherMain()
	run := os.Getenv(guardianVariable)
	if run == "" {
		return false
	}
	signal.Ignore(unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT, unix.SIGPIPE)
	os.Stdout.Write([]byte{1})
	folders, _ := io.ReadAll(os.Stdin)
	killAll(run)
	for folder := range strings.SplitSeq(string(folders), "\x00") {
		if folder != "" {
			os.RemoveAll(folder)
		}
	}
	return true
}

// killAll kills until nobody carries the mark of the run.
func killAll(run string) {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	bound := time.After(guardianBound)
	for left := (search{}); !left.isOver(killRun(run)); {
		select {
		case <-tick.C:
		case <-bound:
			return
		}
	}
}

// killRun kills every process that carries the mark of the run and returns
// who was there. Who is older than this guardian began before there was a mark.
func killRun(run string) (alive []member, certain bool) {
	all, certain := readProcesses()
	self, limit := os.Getpid(), runLimit(run)>>32
	since := all[self].born
	for pid, m := range all {
		if pid == self || m.zombie || m.born < since {
			continue
		}
		theirs, known := limitOf(pid)
		certain = certain && known
		if theirs>>32 == limit || environmentHas(pid, runVariable, run) {
			syscall.Kill(pid, syscall.SIGKILL)
			alive = append(alive, m)
		}
	}
	return alive, certain
}
