package runcmd

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sockharness/harness/cmd/harness/internal/cli"
	"github.com/sockharness/harness/harness/coordinator"
	"github.com/sockharness/harness/harness/outcome"
)

func resultOf(scenario string, v outcome.Verdict) outcome.Result {
	return outcome.Result{Scenario: scenario, Target: "t", Level: outcome.Must, Verdict: v}
}

func TestRounds(t *testing.T) {
	green := outcome.FoldResults(1, outcome.Run{}.Started, 0, []outcome.Result{resultOf("a", outcome.Pass)})
	red := outcome.FoldResults(1, outcome.Run{}.Started, 0, []outcome.Result{resultOf("a", outcome.Fail)})
	for _, tt := range []struct {
		name      string
		rounds    int
		untilFail bool
		last      outcome.Run
		want      []bool // whether another round follows after 0, 1, 2 and 3 of them
	}{
		{"once", 1, false, green, []bool{true, false, false, false}},
		{"repeat, although one fails", 3, false, red, []bool{true, true, true, false}},
		{"until one fails", 0, true, green, []bool{true, true, true, true}},
		{"until one fails, which it does", 0, true, red, []bool{true, false, false, false}},
		{"until one fails, with a bound", 2, true, green, []bool{true, true, false, false}},
	} {
		e := &execution{flags: &runFlags{againFlags: againFlags{rounds: tt.rounds, untilFail: tt.untilFail}}}
		var got []bool
		for played := range tt.want {
			got = append(got, e.wantsRound(played, tt.last))
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
}

// specOf is a spec as Ginkgo's preview has it.
func specOf(id string) coordinator.Spec {
	s := coordinator.Spec{Name: "topic " + id}
	s.Preview.LeafNodeText = id
	return s
}

func specNames(e *execution) (names []string) {
	for _, s := range e.specs {
		names = append(names, s.Preview.LeafNodeText)
	}
	return names
}

// executionOf is one with the specs a, b, c and d on the target t.
func executionOf(f againFlags) *execution {
	e := &execution{flags: &runFlags{againFlags: f, seed: 7}}
	for _, id := range []string{"a on t", "b on t", "c on t", "d on t"} {
		e.specs = append(e.specs, specOf(id))
	}
	return e
}

func writeLast(t *testing.T, path string, results ...outcome.Result) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := writeResult(path, outcome.FoldResults(1, outcome.Run{}.Started, 0, results)); err != nil {
		t.Fatal(err)
	}
}

// What did not pass runs again: not what passed, was unsupported or waived, and nothing that
// the result does not know.
func TestRerunFailedKeepsWhatDidNotPass(t *testing.T) {
	t.Chdir(t.TempDir())
	writeLast(t, lastFile, resultOf("a", outcome.Pass), resultOf("a", outcome.Flaky), resultOf("b", outcome.Unsupported),
		resultOf("c", outcome.Invalid), resultOf("gone", outcome.Fail))
	e := executionOf(againFlags{rerunFailed: lastFile})
	if err := e.orderSpecs(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a on t", "c on t"}, specNames(e)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestRerunFailedWithoutAnything(t *testing.T) {
	t.Chdir(t.TempDir())
	writeLast(t, "green.json", resultOf("a", outcome.Pass))
	writeLast(t, "other.json", resultOf("x", outcome.Fail), resultOf("y", outcome.Blocked))
	if err := os.WriteFile("broken.json", []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		file, want string
		code       int
	}{
		{lastFile, "no run was made in this folder before", outcome.ExitUsage},
		{"missing.json", "--rerun-failed=missing.json: ", outcome.ExitUsage},
		{"broken.json", "--rerun-failed=broken.json: ", outcome.ExitUsage},
		{"green.json", "nothing failed in green.json", outcome.ExitNothing},
		{"other.json", "what failed in other.json (2 scenarios) is not among", outcome.ExitNothing},
	} {
		err := executionOf(againFlags{rerunFailed: tt.file}).orderSpecs()
		var exit cli.ExitError
		if !errors.As(err, &exit) || exit.Code != tt.code || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q and exit status %d", tt.file, err, tt.want, tt.code)
		}
	}
}

// One seed gives one order, another seed gives another, and no scenario is missing.
func TestShuffle(t *testing.T) {
	order := func(seed int64) []string {
		e := executionOf(againFlags{shuffle: true})
		e.flags.seed = seed
		if err := e.orderSpecs(); err != nil {
			t.Fatal(err)
		}
		return specNames(e)
	}
	first := order(1)
	if !slices.Equal(first, order(1)) {
		t.Error("the same seed gave another order")
	}
	orders := map[string]bool{}
	for seed := range int64(20) {
		got := order(seed)
		orders[strings.Join(got, ",")] = true
		if slices.Sort(got); !slices.Equal(got, []string{"a on t", "b on t", "c on t", "d on t"}) {
			t.Errorf("seed %d: %v", seed, got)
		}
	}
	if len(orders) < 5 {
		t.Errorf("20 seeds gave %d orders", len(orders))
	}
}

// What a run says of a scenario replaces what the last run said; the rest stays. A scenario
// that a stopped run did not finish says nothing.
func TestKeepLast(t *testing.T) {
	t.Chdir(t.TempDir())
	keep := func(played []string, stopped string, results ...outcome.Result) {
		e := newExecution(&runFlags{}, cli.Terminal{})
		for _, id := range played {
			e.played[id] = true
		}
		d := outcome.FoldResults(1, outcome.Run{}.Started, 0, results)
		d.Stopped = stopped
		e.keepLast(d)
	}
	keep([]string{"a on t", "b on t"}, "", resultOf("a", outcome.Fail), resultOf("b", outcome.Fail))
	keep([]string{"b on t"}, "", resultOf("b", outcome.Pass))
	keep(nil, "interrupted", resultOf("a", outcome.Pass))
	e := executionOf(againFlags{rerunFailed: lastFile})
	if err := e.orderSpecs(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a on t"}, specNames(e)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if text, err := os.ReadFile(filepath.Join(filepath.Dir(lastFile), ".gitignore")); err != nil || !strings.HasSuffix(string(text), "\n*\n") {
		t.Errorf(".gitignore: %q, %v", text, err)
	}
}
