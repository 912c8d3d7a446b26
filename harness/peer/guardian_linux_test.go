package peer

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// harnessMain is a harness that starts one tree of each kind, says which
// processes there are, and is killed or, when its input ends, stops its guardian.
func harnessMain(run string) {
	fail := func(err error) {
		if err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
	}
	fail(BecomeSubreaper())
	guardian, err := StartGuardian(run, folderOf(run))
	fail(err)
	fail(guardian.AwaitReady())
	fail(os.MkdirAll(filepath.Join(folderOf(run), "below"), 0o700))
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for name, text := range trees {
		if name == "breeds" {
			continue
		}
		p, err := sh(text, "1000").StartClient(ctx, Vars{})
		fail(err)
		_, err = p.Stdout().WaitFor(ctx, ready)
		fail(err)
		for _, pid := range p.ProcessTree() {
			fmt.Println("pid", pid)
		}
	}
	fmt.Println("all")
	bufio.NewReader(os.Stdin).ReadByte()
	guardian.Stop()
	os.Exit(0)
}

func folderOf(run string) string { return filepath.Join(os.TempDir(), "guardian-test-"+run) }

func TestGuardianOutlivesTheHarness(t *testing.T) {
	for name, end := range map[string]func(h *harnessProcess){
		"killed":                 func(h *harnessProcess) { h.cmd.Process.Kill() },
		"stopped":                func(h *harnessProcess) { h.input.Close() },
		"the whole group killed": func(h *harnessProcess) { syscall.Kill(-h.cmd.Process.Pid, syscall.SIGKILL) },
	} {
		t.Run(name, func(t *testing.T) {
			h := startHarness(t)
			pids := h.pids(t)
			if len(pids) < 20 {
				t.Errorf("%d processes, want some of each tree", len(pids))
			}
			end(h)
			h.cmd.Wait()
			began := time.Now()
			for _, pid := range pids {
				wantGone(t, pid)
			}
			buryAll()
			if _, err := os.Stat(folderOf(h.run)); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the folder is left: %v", err)
				os.RemoveAll(folderOf(h.run))
			}
			t.Logf("%d processes gone %v after the harness", len(pids), time.Since(began))
		})
	}
}

type harnessProcess struct {
	cmd   *exec.Cmd
	run   string
	lines *bufio.Scanner
	input io.Closer
}

func startHarness(t *testing.T) *harnessProcess {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	run := newMark().id
	cmd.Env = append(os.Environ(), harnessVariable+"="+run)
	cmd.SysProcAttr = ownGroup()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	input, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	return &harnessProcess{cmd, run, bufio.NewScanner(out), input}
}

// pids returns what the harness started, its guardian included.
func (h *harnessProcess) pids(t *testing.T) (pids []int) {
	t.Helper()
	for h.lines.Scan() {
		var pid int
		if h.lines.Text() == "all" {
			return append(pids, h.guardian(t))
		}
		if _, err := fmt.Sscanf(h.lines.Text(), "pid %d", &pid); err != nil {
			t.Fatal(h.lines.Text())
		}
		pids = append(pids, pid)
	}
	t.Fatal("the harness ended early")
	return nil
}

func (h *harnessProcess) guardian(t *testing.T) int {
	t.Helper()
	all, _ := readProcesses()
	for pid := range all {
		if environmentHas(pid, guardianVariable, h.run) {
			return pid
		}
	}
	t.Fatal("there is no guardian")
	return 0
}

// wantGone waits for the end of a process; its orphans are ours to bury.
func wantGone(t *testing.T, pid int) {
	t.Helper()
	ctx := within(t)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		unix.Wait4(pid, nil, unix.WNOHANG, nil)
		if syscall.Kill(pid, 0) == syscall.ESRCH {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			line, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
			t.Fatalf("process %d is left: %q", pid, line)
		}
	}
}

// buryAll reaps the orphans that nobody had counted. No test runs in parallel.
func buryAll() {
	all, _ := readProcesses()
	for pid, m := range all {
		if m.zombie && m.parent == os.Getpid() {
			unix.Wait4(pid, nil, unix.WNOHANG, nil)
		}
	}
}

func TestGuardianOnlyInGuardians(t *testing.T) {
	if _, err := StartGuardian("a,b"); err == nil {
		t.Error("a run with a comma was accepted")
	}
	t.Setenv(guardianVariable, "x")
	if _, err := StartGuardian("y"); err == nil {
		t.Error("a guardian started one")
	}
}

func TestGuardianTakesTheMarkBack(t *testing.T) {
	t.Setenv(runVariable, "outer")
	guardian, err := StartGuardian("inner")
	if err != nil {
		t.Fatal(err)
	}
	if got := os.Getenv(runVariable); got != "outer,inner" {
		t.Errorf("%s=%q, want outer,inner", runVariable, got)
	}
	guardian.Stop()
	guardian.Stop()
	if got := os.Getenv(runVariable); got != "outer" {
		t.Errorf("%s=%q, want outer", runVariable, got)
	}
}
