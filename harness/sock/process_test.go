package sock_test

import (
	"bufio"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// A process is a child whose lines we read. It is killed at the end of the test.
type process struct {
	t   testing.TB
	cmd *exec.Cmd
	out *bufio.Reader
}

func start(t testing.TB, name string, args ...string) *process {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("SKIPPED, NOT PROVEN HERE: %s is not installed", name)
	}
	p := &process{t: t, cmd: exec.Command(path, args...)}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.out = bufio.NewReader(out)
	stderr := new(strings.Builder)
	p.cmd.Stderr = stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.cmd.Process.Kill()
		p.cmd.Wait()
		if stderr.Len() > 0 {
			t.Logf("%s: %s", name, stderr)
		}
	})
	return p
}

// number reads a line that holds a number.
func (p *process) number() int {
	p.t.Helper()
	line, err := p.out.ReadString('\n')
	if err != nil {
		p.t.Fatal(err)
	}
	n, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		p.t.Fatal(err)
	}
	return n
}

// keepBusy runs a busy loop on each of two cores until the test ends.
func keepBusy(t testing.TB) {
	t.Helper()
	for range 2 {
		start(t, "sh", "-c", "echo 1; while :; do :; done").number()
	}
}
