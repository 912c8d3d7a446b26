package coordinator

import (
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/onsi/ginkgo/v2/types"
)

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
