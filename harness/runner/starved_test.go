package runner

import (
	"strings"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
)

// A client that passes when it has processors is not flaky for a run in which it had none. A
// failure with processors, or one that no lack of them explains, counts.
func TestFailureWithoutCPUBesideAPass(t *testing.T) {
	run := func(v outcome.Verdict, wait time.Duration) attempt {
		return attempt{Result: outcome.Result{Verdict: v}, cpuWait: wait, faultTime: 600 * time.Millisecond, budget: time.Second}
	}
	stormed := run(outcome.Fail, 2*time.Second)
	stormed.stormed = true
	hung := run(outcome.Fail, 2*time.Second)
	hung.hung = true
	pass, starved, failed := run(outcome.Pass, 0), run(outcome.Fail, 1300*time.Millisecond), run(outcome.Fail, 100*time.Millisecond)
	for name, tt := range map[string]struct {
		role     scenario.Role
		attempts []attempt
		want     bool
	}{
		"all failures lack processors":   {scenario.Client, []attempt{starved, pass, starved, pass}, true},
		"one failure had processors":     {scenario.Client, []attempt{pass, pass, starved, failed}, false},
		"no run passes":                  {scenario.Client, []attempt{starved, starved}, false},
		"a storm of connects":            {scenario.Client, []attempt{pass, stormed}, false},
		"a proven hang":                  {scenario.Client, []attempt{pass, hung}, false},
		"a server has no limit to keep":  {scenario.Server, []attempt{pass, starved}, false},
		"an invalid run with processors": {scenario.Client, []attempt{pass, run(outcome.Invalid, 0)}, false},
	} {
		p := &scenarioRun{tc: scenario.Case{Role: tt.role, Budget: time.Second, Target: scenario.Target{Policies: scenario.Policies{AnswerTimeout: 3 * time.Second}}}}
		got, is := p.passBesideStarved(tt.attempts)
		if is != tt.want {
			t.Errorf("%s: excused is %v, want %v", name, is, tt.want)
		}
		if is && (got.Verdict != outcome.Pass || !strings.Contains(strings.Join(got.Notes, "\n"), "failed in 2 of 4 runs, in which a peer or the harness waited 1.3s or more for a CPU")) {
			t.Errorf("%s: got %+v", name, got.Result)
		}
	}
}

// What the fault takes from the client's own limit, the client does not have to wait for processors.
func TestFaultTimeCountsForTheLimit(t *testing.T) {
	p := &scenarioRun{tc: scenario.Case{Role: scenario.Client, Target: scenario.Target{Policies: scenario.Policies{AnswerTimeout: 3 * time.Second}}}}
	waited := attempt{cpuWait: 1300 * time.Millisecond}
	if !p.hadCPU(waited) {
		t.Error("1.3 s of a limit of 3 s are taken for a lack of processors")
	}
	if waited.faultTime = 600 * time.Millisecond; p.hadCPU(waited) {
		t.Error("1.3 s of the 2.4 s that the fault leaves are taken for enough processors")
	}
}
