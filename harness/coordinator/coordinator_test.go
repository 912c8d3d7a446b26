package coordinator

import (
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"

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
