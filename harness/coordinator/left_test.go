package coordinator

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/onsi/ginkgo/v2/types"
)

// playCoordinator runs a suite that lasts an hour and says on stdout, which
// its workers share, how many specs run.
func playCoordinator() int {
	specs := []Spec{{Index: 0, Name: "group runs 0"}, {Index: 1, Name: "group runs 1"}}
	c := Config{Procs: 2, Specs: specs, Seed: seed}
	c.Command = func(int) *exec.Cmd {
		cmd := self("player", "orphan")
		cmd.Stdout = os.Stdout
		return cmd
	}
	c.OnStart = func(_, _ int, name string) { fmt.Println(name) }
	if _, err := RunSpecs(context.Background(), c); err != nil {
		return 1
	}
	return 0
}

func TestWorkersEndWithAKilledCoordinator(t *testing.T) {
	cmd := self("coordinator", "orphan")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill() }()
	lines := bufio.NewReader(stdout)
	for range 2 {
		if _, err := lines.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	started := time.Now()
	// Stdout ends when its last holder is dead: that is a worker.
	if rest, err := io.ReadAll(lines); err != nil || len(rest) > 0 {
		t.Errorf("got %q, %v", rest, err)
	}
	t.Logf("the workers were gone %v after the coordinator", time.Since(started).Round(100*time.Microsecond))
	_ = cmd.Wait()
}

func TestProgramsOfADeadWorkerAreKilled(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux shows who is of a session")
	}
	c := request(t, "litter", 1)
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	command := c.Command
	c.Command = func(proc int) *exec.Cmd {
		cmd := command(proc)
		cmd.Stdout = writer
		return cmd
	}
	mustRun(t, c)
	_ = writer.Close()
	// The pipe ends when its last holder is dead: that is the program.
	_ = reader.SetReadDeadline(time.Now().Add(10 * time.Second))
	if got, err := io.ReadAll(reader); string(got) != "ready\n" || err != nil {
		t.Errorf("got %q, %v, want the end", got, err)
	}
}

func TestNothingIsLeft(t *testing.T) {
	goroutines, files := runtime.NumGoroutine(), openFiles(t)
	for _, suite := range []string{"mixed", "serial", "synced"} {
		c := request(t, suite, 3)
		var addresses []string
		c.Foreign = func(cmd *exec.Cmd, parallel types.SuiteConfig) error {
			addresses = append(addresses, parallel.ParallelHost)
			return foreign(cmd, parallel)
		}
		mustRun(t, c)
		for _, address := range addresses {
			if conn, err := net.Dial("tcp", address); err == nil {
				t.Errorf("port %s is still open", address)
				_ = conn.Close()
			}
		}
	}
	until(t, func() bool { return runtime.NumGoroutine() <= goroutines }, stacks)
	until(t, func() bool { return openFiles(t) <= files }, func() string { return "open files" })
	if children := children(t); children != "" {
		t.Errorf("children are left: %s", children)
	}
}

// until polls where neither the kernel nor the runtime has an event.
func until(t *testing.T, ok func() bool, why func() string) {
	t.Helper()
	bound := time.After(5 * time.Second)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-bound:
			t.Fatalf("something is left: %s", why())
		}
	}
}

func stacks() string {
	buffer := make([]byte, 1<<20)
	return string(buffer[:runtime.Stack(buffer, true)])
}

func openFiles(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("no /proc/self/fd: not Linux")
	}
	return len(entries)
}

func children(t *testing.T) string {
	t.Helper()
	list, err := os.ReadFile(fmt.Sprintf("/proc/self/task/%d/children", os.Getpid()))
	if err != nil {
		t.Skip("no list of children: kernel without CONFIG_PROC_CHILDREN")
	}
	return strings.TrimSpace(string(list))
}
