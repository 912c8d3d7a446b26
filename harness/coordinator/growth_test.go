package coordinator

import (
	"os/exec"
	"runtime"
	"testing"
	"time"

	"github.com/onsi/ginkgo/v2/types"
)

// Workers that wait leave processors unused, so another one starts, up to Procs.
func TestWorkersThatWaitGetCompany(t *testing.T) {
	c := request(t, "meeting", 3)
	c.AtOnce, c.SpecTimeout = 1, time.Minute
	folder := t.TempDir()
	c.Command = func(int) *exec.Cmd {
		cmd := self("worker", "meeting")
		cmd.Env = append(cmd.Env, meetingFolder+"="+folder)
		return cmd
	}
	for name, state := range states(t, mustRun(t, c)) {
		if state != types.SpecStatePassed {
			t.Errorf("%s: %s", name, state)
		}
	}
}

// grown returns how many workers of three were started when each look finds the given share
// of the processors in use.
func grown(t *testing.T, share float64) int {
	t.Helper()
	c := request(t, "steady", 3)
	c.AtOnce = 1
	c, err := c.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	r, begin := newRun(c), time.Now()
	r.growth.look = func([]int) (need, bool) {
		used := share * float64(runtime.NumCPU()) * float64(time.Since(begin))
		return need{used: map[int]time.Duration{1: time.Duration(used)}}, share >= 0
	}
	if result, err := r.runAll(t.Context()); err != nil || len(states(t, result)) != len(c.Specs) {
		t.Errorf("%v, %d specs", err, len(states(t, result)))
	}
	launched := 0
	for _, w := range r.workers {
		if w.launched {
			launched++
		}
	}
	return launched
}

func TestWorkersThatComputeGetNone(t *testing.T) {
	if n := grown(t, 0.95); n != 1 {
		t.Errorf("%d workers while the processors were in use, want 1", n)
	}
	if n := grown(t, 0.1); n < 2 {
		t.Errorf("%d workers while the processors were idle, want more", n)
	}
	if n := grown(t, -1); n != 3 {
		t.Errorf("%d workers where nothing is known, want all 3", n)
	}
}
