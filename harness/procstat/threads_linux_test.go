package procstat

import (
	"bufio"
	"context"
	"io"
	"os"
	"os/exec"
	"runtime"
	"testing"
	"time"
)

// startShell runs a script, whose lines come on the reader, until the test ends.
func startShell(t *testing.T, script string) (pid int, in io.Writer, out *bufio.Reader) {
	t.Helper()
	command := exec.Command("sh", "-c", script)
	stdin, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = command.Process.Kill(); _ = command.Wait() })
	return command.Process.Pid, stdin, bufio.NewReader(stdout)
}

func readLine(t *testing.T, out *bufio.Reader) {
	t.Helper()
	if _, err := out.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
}

func openThreads(t *testing.T, pid int) *ThreadFiles {
	t.Helper()
	limit, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		threads, err := OpenThreadFiles(pid)
		if err == nil {
			t.Cleanup(threads.Close)
			return threads
		}
		if limit.Err() != nil { // a process may start a thread at any look
			t.Fatal(err)
		}
	}
}

func TestThreadsSeeAChild(t *testing.T) {
	pid, in, out := startShell(t, "echo up; read line; sleep 1000 & echo forked; read line; kill $!; wait; echo alone; read line")
	readLine(t, out)
	threads := openThreads(t, pid)
	if !threads.AreChildless() {
		t.Error("got a child before there was one")
	}
	_, _ = io.WriteString(in, "\n")
	readLine(t, out)
	if threads.AreChildless() {
		t.Error("the child was not seen")
	}
	_, _ = io.WriteString(in, "\n")
	readLine(t, out)
	if !threads.AreChildless() {
		t.Error("got a child that was waited for")
	}
}

func TestThreadsOfAnEndedProcess(t *testing.T) {
	pid, in, out := startShell(t, "echo up; read line")
	readLine(t, out)
	threads := openThreads(t, pid)
	_, _ = io.WriteString(in, "\n")
	_, _ = out.ReadString('\n') // its end
	process, err := os.FindProcess(pid)
	if err == nil {
		_, err = process.Wait()
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := threads.AnyRunnable(); err == nil || threads.AreChildless() {
		t.Error("a process that has ended still counts as one without children")
	}
}

func TestThreadsTellWhoRuns(t *testing.T) {
	for script, want := range map[string]bool{"echo up; read line": false, "echo up; while :; do :; done": true} {
		pid, _, out := startShell(t, script)
		readLine(t, out)
		threads := openThreads(t, pid)
		limit, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		for {
			runs, err := threads.AnyRunnable()
			if err != nil {
				t.Fatal(err)
			}
			if runs == want && AnyRunnable(pid) == want {
				break
			}
			if limit.Err() != nil {
				t.Fatalf("%s: never seen to run: %v", script, want)
			}
		}
	}
}

// Files of the threads that there were say nothing of those that there are.
func TestThreadsNoticeAnother(t *testing.T) {
	pid := os.Getpid()
	threads := openThreads(t, pid)
	end := make(chan struct{})
	defer close(end)
	for range MaxThreads {
		begun := make(chan struct{})
		go func() {
			runtime.LockOSThread()
			close(begun)
			<-end
		}()
		<-begun
	}
	if threads.AreChildless() {
		t.Error("more threads were not noticed")
	}
	if _, err := OpenThreadFiles(pid); err == nil {
		t.Errorf("the files of %d threads are kept, more than %d", CountThreads(pid), MaxThreads)
	}
}
