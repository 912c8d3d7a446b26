package coordinator

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/onsi/ginkgo/v2/types"
)

// playPlayer is a worker without Ginkgo.
func playPlayer() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	w, err := JoinCoordinator(ctx, func() { os.Exit(4) })
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	defer w.Close()
	green, err := w.PlaySpecs(ctx, playByName)
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		return 3
	case !green:
		return 1
	}
	return 0
}

// playByName does what the last but one word of the name says.
func playByName(ctx context.Context, name string) Played {
	words := strings.Fields(name)
	passed := Played{State: types.SpecStatePassed, Entry: "name", Value: name}
	switch words[len(words)-2] {
	case "exits":
		fmt.Fprintln(os.Stderr, "last words")
		os.Exit(9)
	case "fails":
		return Played{State: types.SpecStateFailed, Failure: "on purpose"}
	case "runs": // for an hour, and hears no context: that is the subject
		time.Sleep(time.Hour)
	case "waits": // until there is a file of its name
		for ctx.Err() == nil {
			if _, err := os.Stat(filepath.Join(os.Getenv(meetingFolder), name)); err == nil {
				return passed
			}
			wait(ctx, time.Millisecond)
		}
	}
	return passed
}

// playing is a configuration of workers that run n specs. Some of them do what a verb in their name says.
func playing(procs, specs int, verbs map[int]string) Config {
	c := Config{Procs: procs, Seed: seed, Command: func(int) *exec.Cmd { return self("player", "") }}
	for i := range specs {
		verb := "passes"
		if other, has := verbs[i]; has {
			verb = other
		}
		c.Specs = append(c.Specs, Spec{Index: i, Name: fmt.Sprintf("group %s %d", verb, i), Group: "group"})
	}
	return c
}

func TestPlayedSpecsAreReportedOnce(t *testing.T) {
	eachProcs(t, func(t *testing.T, procs int) {
		c := playing(procs, 300, nil)
		started := 0
		c.OnStart = func(int, int, string) { started++ }
		r := mustRun(t, c)
		if len(r.Missing)+len(r.Crashes) > 0 {
			t.Errorf("got missing %v, crashes %v", r.Missing, r.Crashes)
		}
		for name, state := range complete(t, c, r) {
			if entries := find(t, r, name).ReportEntries; state != types.SpecStatePassed || len(entries) != 1 || entries[0].GetRawValue() != name {
				t.Fatalf("%s: got %v with %v, want it passed with its name", name, state, entries)
			}
		}
		if started > 200 {
			t.Errorf("%d of 300 short specs were told one by one, want most of them in batches", started)
		}
	})
}

// The death of a worker in the middle of a batch is reported for the spec that was running. The others run again.
func TestCrashInABatchIsBlamedOnItsSpec(t *testing.T) {
	c := playing(2, 300, map[int]string{100: "exits", 120: "exits"})
	r := mustRun(t, c)
	for name, state := range complete(t, c, r) {
		if want := map[bool]types.SpecState{true: types.SpecStatePanicked, false: types.SpecStatePassed}[strings.Contains(name, "exits")]; state != want {
			t.Errorf("%s: got %v, want %v", name, state, want)
		}
	}
	names := []string{}
	for _, crash := range r.Crashes {
		names = append(names, crash.Name)
	}
	if slices.Sort(names); !slices.Equal(names, []string{"group exits 100", "group exits 120"}) || len(r.Missing) > 0 {
		t.Errorf("got crashes of %q and %d missing specs, want those that exit and none", names, len(r.Missing))
	}
	if got := find(t, r, "group exits 100").Failure.Message; !strings.Contains(got, "exit status 9") || !strings.Contains(got, "last words") {
		t.Errorf("got message %q", got)
	}
}

// While one spec takes long, other workers run the rest of its batch.
func TestBatchIsGivenBack(t *testing.T) {
	const specs = 200
	c := playing(2, specs, map[int]string{60: "waits"})
	folder, command, reported := t.TempDir(), c.Command, 0
	c.Command = func(proc int) *exec.Cmd {
		cmd := command(proc)
		cmd.Env = append(cmd.Env, meetingFolder+"="+folder)
		return cmd
	}
	told := false
	c.OnStart = func(_, _ int, name string) { told = told || name == "group waits 60" }
	c.OnReport = func(int, types.SpecReport) {
		if reported++; reported == specs-1 {
			if err := os.WriteFile(filepath.Join(folder, "group waits 60"), nil, 0o600); err != nil {
				t.Error(err)
			}
		}
	}
	c.SpecTimeout = time.Minute
	r := mustRun(t, c)
	for name, state := range complete(t, c, r) {
		if state != types.SpecStatePassed {
			t.Errorf("%s: got %v", name, state)
		}
	}
	if !told {
		t.Error("nobody was told of the spec that takes long")
	}
}

// The first failure ends the run, and the spec that another worker runs.
func TestPlayedFailFast(t *testing.T) {
	c := playing(2, 40, map[int]string{0: "waits", 30: "fails"})
	c.FailFast = true
	r := mustRun(t, c)
	got := complete(t, c, r)
	if !r.Aborted || len(r.Crashes) > 0 || len(r.Missing) == 0 || got["group waits 0"] != types.SpecStateInterrupted || got["group fails 30"] != types.SpecStateFailed {
		t.Errorf("got aborted %v, crashes %v, %d missing, %v", r.Aborted, r.Crashes, len(r.Missing), got)
	}
}

func TestPlayedInterrupt(t *testing.T) {
	c := playing(1, 40, map[int]string{20: "waits"})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c.OnStart = func(_, _ int, name string) {
		if name == "group waits 20" {
			cancel()
		}
	}
	c.Grace = time.Minute
	r, err := RunSpecs(ctx, c)
	if got := complete(t, c, r); err != nil || !r.Interrupted || len(r.Missing) == 0 || len(r.Crashes) > 0 || got["group waits 20"] != types.SpecStateInterrupted {
		t.Errorf("got %v, interrupted %v, %d missing, %v", err, r.Interrupted, len(r.Missing), got)
	}
}

func TestWorkerWithoutGinkgoRunsNoContainers(t *testing.T) {
	c := playing(1, 2, nil)
	c.Specs[1].Index = 0
	if _, err := RunSpecs(t.Context(), c); err == nil || !strings.Contains(err.Error(), "Ordered") {
		t.Errorf("got %v, want an error that says so", err)
	}
}
