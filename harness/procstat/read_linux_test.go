package procstat

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// The kernel takes the name of a process from the file it executes, parentheses
// and all, and a reader that trusts the first of them sees wrong fields.
func TestReadProcessWithParenthesesInItsName(t *testing.T) {
	sleep, err := exec.LookPath("sleep")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), ") Z 1 (x")
	if err := os.Symlink(sleep, path); err != nil {
		t.Fatal(err)
	}
	command := exec.Command(path, "3600")
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	got, err := Read(command.Process.Pid)
	if err != nil || got.Dead() || got.Parent != os.Getpid() || got.Threads != 1 || got.StartTime == 0 {
		t.Errorf("got %+v, %v; want one live thread of parent %d", got, err, os.Getpid())
	}
	checkReadOfEnded(t, command)
}

// checkReadOfEnded kills the process, and reads it dead and then gone.
func checkReadOfEnded(t *testing.T, command *exec.Cmd) {
	t.Helper()
	pid := command.Process.Pid
	if err := command.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil); err != nil {
		t.Fatal(err)
	}
	if got, err := Read(pid); err != nil || got.State != 'Z' || !got.Dead() {
		t.Errorf("got %+v, %v; want state Z of a process that nobody has waited for", got, err)
	}
	_ = command.Wait()
	if got, err := Read(pid); !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.ESRCH) {
		t.Errorf("got %+v, %v; want an error for a process that was waited for", got, err)
	}
}

func TestReadThread(t *testing.T) {
	session, err := unix.Getsid(0) // 0 when the leader is outside of our pid namespace
	if err != nil {
		t.Fatal(err)
	}
	process, err := Read(os.Getpid())
	if err != nil || process.Session != session || process.ResidentPages == 0 {
		t.Fatalf("got %+v, %v; want session %d and memory", process, err, session)
	}
	thread, err := ReadThread(os.Getpid(), os.Getpid())
	if err != nil || thread.Parent != process.Parent || thread.StartTime != process.StartTime {
		t.Errorf("got %+v, %v; want what the process says, %+v", thread, err, process)
	}
	if _, err := ReadThread(os.Getpid(), 1<<30); err == nil {
		t.Error("got no error for a thread that cannot be")
	}
}

func TestCPUTimeIsExact(t *testing.T) {
	least := clockTick // of the steps: meanwhile other threads may have spent more
	before, err := CPUTime(os.Getpid())
	for range 1000 { // the loop itself takes processor time
		after, failed := CPUTime(os.Getpid())
		if err != nil || failed != nil {
			t.Fatal(err, failed)
		}
		if after > before {
			least = min(least, after-before)
		}
		before = after
	}
	if least >= clockTick {
		t.Errorf("got no step below that of /proc/PID/stat, %v", clockTick)
	}
	stat, err := Read(os.Getpid())
	if exact, _ := CPUTime(os.Getpid()); err != nil || exact < stat.CPU-stat.ChildCPU-clockTick {
		t.Errorf("got %v and %+v, %v; want the same time in both", exact, stat, err)
	}
	if _, err := CPUTime(1 << 22); err == nil {
		t.Error("got no error for a process that cannot be")
	}
}
