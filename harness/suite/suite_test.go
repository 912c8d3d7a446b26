package suite

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/onsi/ginkgo/v2/types"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/scenariofile"
)

func TestBeGreen(t *testing.T) {
	result := func(l outcome.Level, v outcome.Verdict) outcome.Result {
		return outcome.Result{Level: l, Verdict: v, Variant: "byte=3", Message: "half of it"}
	}
	tests := []struct {
		results []outcome.Result
		green   bool
	}{
		{nil, true},
		{[]outcome.Result{result(outcome.Must, outcome.Pass), result(outcome.Must, outcome.Unsupported)}, true},
		{[]outcome.Result{result(outcome.Should, outcome.Fail), result(outcome.Info, outcome.Flaky)}, true},
		{[]outcome.Result{result(outcome.Must, outcome.Pass), result(outcome.Must, outcome.Fail)}, false},
		{[]outcome.Result{result(outcome.Must, outcome.Blocked)}, false},
		{[]outcome.Result{result(outcome.Info, outcome.Invalid)}, false},
	}
	for _, tt := range tests {
		got, err := BeGreen().Match(tt.results)
		if err != nil || got != tt.green {
			t.Errorf("%v: got %v, %v; want %v", tt.results, got, err, tt.green)
		}
	}
	if _, err := BeGreen().Match("results"); err == nil {
		t.Error("matched a string")
	}
	message := BeGreen().FailureMessage([]outcome.Result{result(outcome.Must, outcome.Fail)})
	for _, want := range []string{"1 of 1 variant", "fail byte=3: half of it"} {
		if !strings.Contains(message, want) {
			t.Errorf("got message %q, want %q in it", message, want)
		}
	}
}

// Each default oracle is a matcher, too, in suites of one's own.
func TestHold(t *testing.T) {
	for _, o := range scenario.DefaultOracles() {
		if ok, err := HoldOracle(o.Name).Match(scenario.Observation{}); !ok || err != nil {
			t.Errorf("%s on an observation of nothing: %v, %v", o.Name, ok, err)
		}
	}
	alive := HoldOracle("alive")
	ok, err := alive.Match(scenario.Observation{Crash: &peer.Exit{Code: 7}})
	if ok || err != nil || !strings.Contains(alive.FailureMessage(nil), "alive: the server process ended during the scenario: exited with status 7") {
		t.Errorf("a server that died: %v, %v, %q", ok, err, alive.FailureMessage(nil))
	}
	if got := alive.NegatedFailureMessage(nil); got != "alive holds" {
		t.Errorf("got %q", got)
	}
	for name, actual := range map[string]any{"alive": "a string", "alife": scenario.Observation{}} {
		if _, err := HoldOracle(name).Match(actual); err == nil {
			t.Errorf("Hold(%q) takes %T", name, actual)
		}
	}
}

func TestLabelsAreAllowed(t *testing.T) {
	s := scenario.Scenario{ID: "eof/in-body", Level: outcome.Must}
	target := scenario.Target{Name: "line/c (old), v1:2|3"}
	for _, l := range SpecLabels(target, s) {
		if _, err := types.ValidateAndCleanupLabel(l, types.CodeLocation{}); err != nil {
			t.Errorf("label %q: %v", l, err)
		}
	}
}

func TestJobIsDecodedAsItWasEncoded(t *testing.T) {
	pipelining := true
	job := Job{Topics: []string{"eof"}, Targets: []scenario.Target{{Name: "kv", Policies: scenario.Policies{Pipelining: &pipelining},
		Client: scenario.Peer{Dialogue: &scenario.Source{File: "kv.yaml", Text: []byte("dialogue: kv\n")}}}}}
	job.Files = []scenariofile.Source{{File: "f.yaml", Tree: []byte("one\ntwo")}}
	job.Summaries = []scenariofile.Summary{{ID: "topic/name", File: "f.yaml"}}
	data, err := job.Encode()
	if err != nil {
		t.Fatal(err)
	}
	back, err := DecodeJob(data)
	if err != nil {
		t.Fatal(err)
	}
	got := back.Targets[0]
	if string(got.Client.Dialogue.Text) != "dialogue: kv\n" || got.Policies.Pipelining == nil || back.Topics[0] != "eof" {
		t.Errorf("got %+v back", back)
	}
	if len(back.Files) != 1 || string(back.Files[0].Tree) != "one\ntwo" || len(back.Summaries) != 1 || back.Summaries[0].ID != "topic/name" {
		t.Errorf("got the files %+v and %+v back", back.Files, back.Summaries)
	}
	if _, err := DecodeJob(data[:len(data)-1]); err == nil {
		t.Error("a job of which a byte is missing was decoded")
	}
}

func TestSpecThatRanOutOfTimeIsToldFromTheRest(t *testing.T) {
	for cause, want := range map[error]bool{
		errTimeout:                        true,
		errors.New("interrupted by user"): false,
		context.Canceled:                  false,
	} {
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(cause)
		if got := timedOut(ctx); got != want {
			t.Errorf("%v: got %v, want %v", cause, got, want)
		}
	}
	if timedOut(t.Context()) {
		t.Error("a spec that still runs has timed out")
	}
}
