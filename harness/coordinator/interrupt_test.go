package coordinator

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/onsi/ginkgo/v2/types"
)

// onReady makes c's workers' stdout a pipe and calls f when n specs have said
// that they are ready.
func onReady(t *testing.T, c *Config, n int, f func()) {
	t.Helper()
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	command := c.Command
	c.Command = func(proc int) *exec.Cmd {
		cmd := command(proc)
		cmd.Stdout = writer
		return cmd
	}
	heard := make(chan struct{})
	go func() {
		defer close(heard)
		for lines := bufio.NewScanner(reader); lines.Scan(); {
			if n--; n == 0 {
				f()
			}
		}
	}()
	t.Cleanup(func() {
		_ = writer.Close()
		<-heard
		_ = reader.Close()
	})
}

func TestInterruptGivesPartialResults(t *testing.T) {
	eachProcs(t, func(t *testing.T, procs int) {
		c := request(t, "slow", procs)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		onReady(t, &c, procs, cancel)
		r, err := RunSpecs(ctx, c)
		if err != nil {
			t.Fatal(err)
		}
		interrupted := 0
		for name, state := range complete(t, c, r) {
			if state != types.SpecStateInterrupted {
				continue
			}
			interrupted++
			if entries := find(t, r, name).ReportEntries; len(entries) != 1 {
				t.Errorf("%q was not cleaned up", name)
			}
		}
		if !r.Interrupted || interrupted != procs || len(r.Missing) < 16-procs || len(r.Crashes) > 0 {
			t.Errorf("got interrupted %v, %d specs interrupted, %d missing, crashes %v; want true, %d, at least %d, none",
				r.Interrupted, interrupted, len(r.Missing), r.Crashes, procs, 16-procs)
		}
	})
}

func TestCancelledBeforeStart(t *testing.T) {
	c := request(t, "nothing", 1)
	c.Command = func(int) *exec.Cmd { t.Error("a worker was made"); return nil }
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r, err := RunSpecs(ctx, c)
	if err != nil || !r.Interrupted || len(r.Missing) != 1 {
		t.Errorf("got %+v, %v", r, err)
	}
}

func TestStubbornWorkerIsKilledAfterGrace(t *testing.T) {
	c := request(t, "stubborn", 1)
	c.Grace = 200 * time.Millisecond
	testStubborn(t, c, func() {})
}

func TestSecondInterruptKillsAtOnce(t *testing.T) {
	c := request(t, "stubborn", 1)
	c.Grace = time.Hour
	hard := make(chan struct{})
	c.Hard = hard
	testStubborn(t, c, func() { close(hard) })
}

func testStubborn(t *testing.T, c Config, second func()) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	onReady(t, &c, 1, func() { cancel(); second() })
	r, err := RunSpecs(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	got := complete(t, c, r)
	if got["is stubborn"] != types.SpecStateInterrupted || !r.Interrupted {
		t.Errorf("got %v, want it interrupted", got)
	}
	if len(r.Crashes) != 1 || !strings.Contains(r.Crashes[0].Exit, "killed") {
		t.Errorf("got crashes %+v, want a killed worker", r.Crashes)
	}
}

func TestHangingSpecIsKilledAndBlamed(t *testing.T) {
	c := request(t, "hang", 2)
	c.SpecTimeout, c.Grace = 300*time.Millisecond, 200*time.Millisecond
	r := mustRun(t, c)
	got := complete(t, c, r)
	for name, state := range got {
		if want := types.SpecStateTimedout; name == "hangs" && state != want || name != "hangs" && state != types.SpecStatePassed {
			t.Errorf("%q: got %v", name, state)
		}
	}
	if len(r.Crashes) != 1 || r.Crashes[0].Name != "hangs" || !strings.Contains(r.Crashes[0].Exit, "reported nothing for 500ms") {
		t.Fatalf("got crashes %+v", r.Crashes)
	}
	if !strings.Contains(r.Crashes[0].Stderr, "suite_test.go") {
		t.Errorf("stderr does not show where it hangs:\n%s", r.Crashes[0].Stderr)
	}
}

func TestSpecTimeoutOfItsOwn(t *testing.T) {
	c := request(t, "hang", 1)
	c.Grace = 100 * time.Millisecond
	for i, s := range c.Specs {
		if s.Name == "hangs" {
			c.Specs[i].Timeout = 100 * time.Millisecond
		}
	}
	r := mustRun(t, c)
	if got := complete(t, c, r); got["hangs"] != types.SpecStateTimedout || len(r.Missing) > 0 {
		t.Errorf("got %v", got)
	}
}

func TestWorkerIsReplacedAfterATimeout(t *testing.T) {
	c := request(t, "retire", 1)
	r := mustRun(t, c)
	complete(t, c, r)
	if len(r.Missing) > 0 || len(r.Crashes) > 0 {
		t.Errorf("got missing %v, crashes %v, want none", r.Missing, r.Crashes)
	}
	pids := map[string]bool{}
	leaked := ""
	for _, report := range r.Reports {
		pid := report.ReportEntries[0].Value.String()
		if pid == leaked {
			t.Errorf("%q ran in a process with a leaked spec", report.FullText())
		}
		if pids[pid] = true; report.State == types.SpecStateTimedout {
			leaked = pid
		}
	}
	if len(pids) < 2 {
		t.Errorf("got one process, want another after a leak")
	}
}
