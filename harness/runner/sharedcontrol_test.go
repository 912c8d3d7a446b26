//go:build unix

package runner

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/toxics/spec"
)

// loggedClient is the client program behind a shell that logs the scenario for which it is started.
// With alone it fails while another one runs.
func loggedClient(t *testing.T, alone bool) (target scenario.Target, starts func() string) {
	t.Helper()
	target = programTarget(t, scenario.Client)
	file := filepath.Join(t.TempDir(), "starts")
	script := `echo "$0" >>"$1"; exec "$2" program-client "$3"`
	if alone {
		script = `mkdir "$1.busy" || exit 9; echo "$0" >>"$1"; "$2" program-client "$3"; s=$?; rmdir "$1.busy"; exit $s`
	}
	target.Client.Command = []string{"sh", "-c", script, "{scenario}", file, target.Client.Command[0], "{addr}"}
	return target, func() string {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return strings.ReplaceAll(strings.TrimSpace(string(text)), "\n", " ")
	}
}

// splitAnswer is played once, and its output is compared with the control's.
func splitAnswer() scenario.Scenario {
	s := playing(scenario.Variant{Faults: []spec.Spec{scenario.SplitAt(event.Downstream, 1)}, Expect: []scenario.Expectation{scenario.ExpectCompletion()}})
	s.Roles = scenario.ClientRole()
	return s
}

// A worker takes the control of a client from another worker of the run, and judges by it.
func TestControlOfAClientIsHeldOnce(t *testing.T) {
	target, starts := loggedClient(t, false)
	tmp := t.TempDir()
	for range 2 {
		r := New(Config{Seed: 1, Tmp: tmp, ShareControls: true})
		for _, result := range r.RunScenario(t.Context(), target, splitAnswer()) {
			want(t, result, outcome.Pass)
		}
		r.Close()
	}
	if all := starts(); strings.Count(all, "control") != 2 || len(strings.Fields(all)) != 4 {
		t.Errorf("the client was started for %s, want two controls and two scenarios", all)
	}
}

// A client that fails beside another one, and works alone, is no client that fails.
func TestControlsSideBySideAreOnlyTried(t *testing.T) {
	target, _ := loggedClient(t, true)
	want(t, play1(t, target, splitAnswer()), outcome.Pass)
}
