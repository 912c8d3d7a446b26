package coordinator

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/onsi/ginkgo/v2/types"
)

func preview(t testing.TB, suite string) []Spec {
	t.Helper()
	out, err := self("preview", suite).Output()
	if err != nil {
		t.Fatalf("preview %s: %v", suite, err)
	}
	var report types.Report
	if err := json.Unmarshal(out, &report); err != nil {
		t.Fatal(err)
	}
	return PlanSpecs(report)
}

// request is a configuration that runs suite.
func request(t testing.TB, suite string, procs int) Config {
	t.Helper()
	return Config{
		Command: func(int) *exec.Cmd { return self("worker", suite) },
		Foreign: foreign,
		Procs:   procs,
		Specs:   preview(t, suite),
		Seed:    seed,
	}
}

func mustRun(t testing.TB, c Config) Result {
	t.Helper()
	result, err := RunSpecs(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// states maps the full text of every spec to the state of its report, and fails for a
// second report.
func states(t testing.TB, r Result) map[string]types.SpecState {
	t.Helper()
	got := map[string]types.SpecState{}
	for _, report := range r.Reports {
		if report.LeafNodeType != types.NodeTypeIt {
			continue
		}
		if _, twice := got[report.FullText()]; twice {
			t.Errorf("got a second report of %q", report.FullText())
		}
		got[report.FullText()] = report.State
	}
	return got
}

// complete fails unless every planned spec is reported once or missing.
func complete(t testing.TB, c Config, r Result) map[string]types.SpecState {
	t.Helper()
	got := states(t, r)
	for _, s := range r.Missing {
		if _, reported := got[s.Name]; reported {
			t.Errorf("%q is reported and missing", s.Name)
		}
	}
	if len(got)+len(r.Missing) != len(c.Specs) {
		t.Errorf("got %d reported and %d missing specs, want %d", len(got), len(r.Missing), len(c.Specs))
	}
	return got
}

func find(t testing.TB, r Result, name string) types.SpecReport {
	t.Helper()
	for _, report := range r.Reports {
		if report.FullText() == name {
			return report
		}
	}
	t.Fatalf("got no report of %q", name)
	return types.SpecReport{}
}

func eachProcs(t *testing.T, f func(t *testing.T, procs int)) {
	for _, procs := range []int{1, 2, 4} {
		t.Run(fmt.Sprintf("procs=%d", procs), func(t *testing.T) { f(t, procs) })
	}
}

func TestEverySpecIsReportedOnce(t *testing.T) {
	want := func(name string) types.SpecState {
		switch {
		case strings.HasSuffix(name, " fails"):
			return types.SpecStateFailed
		case strings.HasSuffix(name, " panics"), strings.Contains(name, " exits"):
			return types.SpecStatePanicked
		case strings.HasSuffix(name, " is pending"):
			return types.SpecStatePending
		case strings.HasSuffix(name, " skips"), strings.HasSuffix(name, " never runs"):
			return types.SpecStateSkipped
		}
		return types.SpecStatePassed
	}
	eachProcs(t, func(t *testing.T, procs int) {
		c := request(t, "mixed", procs)
		if len(c.Specs) != 54 {
			t.Fatalf("got %d planned specs, want 54", len(c.Specs))
		}
		r := mustRun(t, c)
		if len(r.Missing) > 0 {
			t.Errorf("missing %v", r.Missing)
		}
		for name, state := range complete(t, c, r) {
			if state != want(name) {
				t.Errorf("%q: got %v, want %v", name, state, want(name))
			}
		}
		if len(r.Crashes) != 5 {
			t.Errorf("got %d crashes, want 5", len(r.Crashes))
		}
	})
}

func TestCrashIsBlamedOnItsSpec(t *testing.T) {
	r := mustRun(t, request(t, "mixed", 2))
	report := find(t, r, "group 1 exits")
	for _, want := range []string{"exit status 9", "last words"} {
		if !strings.Contains(report.Failure.Message, want) {
			t.Errorf("message %q does not say %q", report.Failure.Message, want)
		}
	}
	if !strings.HasSuffix(report.Failure.Location.FileName, "suite_test.go") || !slices.Equal(report.Labels(), []string{"l"}) {
		t.Errorf("got location %v and labels %v, want those of the preview", report.Failure.Location, report.Labels())
	}
	at := slices.IndexFunc(r.Crashes, func(c Crash) bool { return c.Name == "group 1 exits" })
	if at < 0 || r.Crashes[at].Exit != "exit status 9" || !strings.Contains(r.Crashes[at].Stderr, "last words") {
		t.Errorf("got crashes %+v", r.Crashes)
	}
}

func TestTraceOfAStrayPanicIsKept(t *testing.T) {
	r := mustRun(t, request(t, "chatty", 1))
	report := find(t, r, "panics behind Ginkgo's back")
	if report.State != types.SpecStatePanicked || !strings.Contains(report.Failure.Message, "stray goroutine") {
		t.Errorf("got %v %q, want the trace", report.State, report.Failure.Message)
	}
}

func TestSerialSpecsRunLastOnWorkerOne(t *testing.T) {
	eachProcs(t, func(t *testing.T, procs int) {
		c := request(t, "serial", procs)
		r := mustRun(t, c)
		got := complete(t, c, r)
		if len(r.Missing) > 0 || len(r.Crashes) != 3 {
			t.Errorf("got missing %v and crashes %v, want none and 3", r.Missing, r.Crashes)
		}
		for name, want := range map[string]types.SpecState{
			"serial exits": types.SpecStatePanicked, "exits": types.SpecStatePanicked,
			"ordered serial exits second": types.SpecStatePanicked, "ordered serial never runs": types.SpecStateSkipped,
			"serial 3": types.SpecStatePassed, "parallel 9": types.SpecStatePassed,
		} {
			if got[name] != want {
				t.Errorf("%q: got %v, want %v", name, got[name], want)
			}
		}
		inSerial := false
		for _, report := range r.Reports {
			inSerial = inSerial || report.IsSerial
			if inSerial && (!report.IsSerial || report.ParallelProcess != 1) {
				t.Errorf("%q ran on worker %d after serial specs had begun", report.FullText(), report.ParallelProcess)
			}
		}
	})
}

func TestAnySubsetRuns(t *testing.T) {
	c := request(t, "steady", 2)
	c.Specs = slices.DeleteFunc(c.Specs, func(s Spec) bool { return s.Index%7 != 3 })
	r := mustRun(t, c)
	got := complete(t, c, r)
	for _, s := range c.Specs {
		if got[s.Name] != types.SpecStatePassed {
			t.Errorf("%q: got %v, want it passed", s.Name, got[s.Name])
		}
	}
}

func TestSuiteNodesSeeAWholeRun(t *testing.T) {
	eachProcs(t, func(t *testing.T, procs int) {
		c := request(t, "synced", procs)
		r := mustRun(t, c)
		complete(t, c, r)
		for _, report := range r.Reports {
			if report.Failed() {
				t.Errorf("%v %q: %s", report.LeafNodeType, report.FullText(), report.Failure.Message)
			}
		}
		if !slices.ContainsFunc(r.Reports, func(s types.SpecReport) bool { return s.LeafNodeType == types.NodeTypeReportAfterSuite }) {
			t.Error("ReportAfterSuite did not run")
		}
	})
}

func TestFailFast(t *testing.T) {
	for _, suite := range []string{"mixed", "serial"} {
		c := request(t, suite, 2)
		c.FailFast = true
		r := mustRun(t, c)
		complete(t, c, r)
		if !r.Aborted || r.Interrupted || len(r.Missing) == 0 {
			t.Errorf("%s: got aborted %v, interrupted %v and %d missing; want true, false, some", suite, r.Aborted, r.Interrupted, len(r.Missing))
		}
	}
}

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

func TestSuiteThatNeverStarts(t *testing.T) {
	for _, suite := range []string{"stillborn", "early"} {
		t.Run(suite, func(t *testing.T) {
			c := request(t, "early", 2)
			c.Command = func(int) *exec.Cmd { return self("worker", suite) }
			r, err := RunSpecs(t.Context(), c)
			want := map[string]string{"stillborn": "no such port", "early": "no database"}[suite]
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got error %v, want the end of stderr: %s", err, want)
			}
			complete(t, c, r)
			if len(r.Missing) != 3 || len(r.Crashes) != 2*maxEmptyRuns {
				t.Errorf("got %d missing and %d crashes, want 3 and %d", len(r.Missing), len(r.Crashes), 2*maxEmptyRuns)
			}
		})
	}
}

func TestCommandThatCannotStart(t *testing.T) {
	c := request(t, "nothing", 1)
	c.Command = func(int) *exec.Cmd { return exec.Command("/does/not/exist") }
	r, err := RunSpecs(t.Context(), c)
	if !errors.Is(err, os.ErrNotExist) || len(r.Missing) != 1 {
		t.Errorf("got %v, %v", r.Missing, err)
	}
}

func TestWorkerThatNeverCalls(t *testing.T) {
	c := request(t, "nothing", 1)
	c.Command = func(int) *exec.Cmd { return exec.Command("sleep", "1h") }
	c.StartTimeout = 50 * time.Millisecond
	r, err := RunSpecs(t.Context(), c)
	if err == nil || !strings.Contains(err.Error(), "crashed 3 times") {
		t.Errorf("got %v, want an error", err)
	}
	complete(t, c, r)
}

func TestDeathAfterTheLastSpec(t *testing.T) {
	c := request(t, "late", 1)
	r := mustRun(t, c)
	complete(t, c, r)
	if len(r.Crashes) != 1 || r.Crashes[0].Index != -1 || r.Crashes[0].Exit != "exit status 6" || len(r.Missing) > 0 {
		t.Errorf("got crashes %+v, missing %v", r.Crashes, r.Missing)
	}
}

func TestPlanThatDoesNotFit(t *testing.T) {
	for name, change := range map[string]func([]Spec) []Spec{
		"other name":  func(s []Spec) []Spec { s[0].Name = "other"; return s },
		"other seed":  func(s []Spec) []Spec { s[0].Index, s[40].Index = s[40].Index, s[0].Index; return s },
		"too high":    func(s []Spec) []Spec { return append(s, Spec{Index: 100, Name: "not there"}) },
		"other suite": func([]Spec) []Spec { return preview(t, "serial") },
	} {
		t.Run(name, func(t *testing.T) {
			c := request(t, "steady", 2)
			c.Specs = change(c.Specs)
			r, err := RunSpecs(t.Context(), c)
			if !errors.Is(err, errMisfit) || len(r.Missing) == 0 {
				t.Errorf("got error %v and %d missing", err, len(r.Missing))
			}
		})
	}
}

func TestConfigIsChecked(t *testing.T) {
	command := func(int) *exec.Cmd { return self("worker", "nothing") }
	for name, c := range map[string]Config{
		"no command": {Procs: 1},
		"no procs":   {Command: command},
		"duration":   {Command: command, Procs: 1, Grace: -1},
		"output":     {Command: command, Procs: 1, KeepOutput: -1},
		"index":      {Command: command, Procs: 1, Specs: []Spec{{Index: -1}}},
	} {
		if _, err := RunSpecs(t.Context(), c); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
	if r, err := RunSpecs(t.Context(), Config{Command: command, Procs: 1}); err != nil || len(r.Reports) > 0 {
		t.Errorf("no specs: got %v, %v", r, err)
	}
}
