package outcome

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestExitCode(t *testing.T) {
	pass := Result{Level: Must, Verdict: Pass}
	with := func(l Level, v Verdict) []Result { return []Result{pass, {Level: l, Verdict: v}} }
	tests := []struct {
		name    string
		results []Result
		strict  bool
		want    int
	}{
		{"nothing ran", nil, false, ExitNothing},
		{"only a failure that does not count", []Result{{Level: Should, Verdict: Fail}}, false, ExitOK},
		{"the same where it counts", []Result{{Level: Should, Verdict: Fail}}, true, ExitVerdicts},
		{"only blocked", []Result{{Level: Should, Verdict: Blocked}}, false, ExitVerdicts},
		{"only unsupported", []Result{{Level: Must, Verdict: Unsupported}}, false, ExitNothing},
		{"pass", []Result{pass}, false, ExitOK},
		{"must fails", with(Must, Fail), false, ExitVerdicts},
		{"should fails", with(Should, Fail), false, ExitOK},
		{"should fails, strict", with(Should, Fail), true, ExitVerdicts},
		{"info fails, strict", with(Info, Fail), true, ExitOK},
		{"flaky", with(Must, Flaky), false, ExitVerdicts},
		{"blocked", with(Must, Blocked), false, ExitVerdicts},
		{"invalid", with(Info, Invalid), false, ExitHarness},
		{"stale waiver", with(Info, Stale), false, ExitVerdicts},
		{"waived", with(Must, Waived), false, ExitOK},
	}
	for _, tt := range tests {
		if got := FoldResults(1, time.Time{}, 0, tt.results).ExitCode(tt.strict); got != tt.want {
			t.Errorf("%s: got exit code %d, want %d", tt.name, got, tt.want)
		}
	}
	stopped := FoldResults(1, time.Time{}, 0, []Result{pass})
	stopped.Stopped = "interrupted"
	if got := stopped.ExitCode(false); got != ExitInterrupted {
		t.Errorf("interrupted: got exit code %d, want %d", got, ExitInterrupted)
	}
	broken := FoldResults(1, time.Time{}, 0, []Result{pass})
	broken.Problems = []string{"worker 2 crashed"}
	if got := broken.ExitCode(false); got != ExitHarness {
		t.Errorf("problem: got exit code %d, want %d", got, ExitHarness)
	}
}

func TestDocumentIsComplete(t *testing.T) {
	out, err := json.Marshal(FoldResults(7, time.Unix(0, 0).UTC(), 1500*time.Millisecond, nil))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"version":1`, `"seed":7`, `"elapsed_ms":1500`, `"stale":0`, `"results":[]`} {
		if !strings.Contains(string(out), want) {
			t.Errorf("got %s, want it to contain %s", out, want)
		}
	}
}
