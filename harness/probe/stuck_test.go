package probe_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/probe"
)

// rounds returns how often each subject is asked; PROBE_ROUNDS changes it.
func rounds(usual int) int {
	if n, err := strconv.Atoi(os.Getenv("PROBE_ROUNDS")); err == nil {
		return n
	}
	return usual
}

const nap = 25 * time.Millisecond

func TestStuck(t *testing.T) {
	for _, s := range subjects(t) {
		t.Run(s.name, func(t *testing.T) { judge(t, s, rounds(10)) })
	}
}

// TestStuckBusy has two processes beside that take all they can get.
func TestStuckBusy(t *testing.T) {
	busy(t, 2)
	for _, s := range subjects(t) {
		t.Run(s.name, func(t *testing.T) { judge(t, s, rounds(1)) })
	}
}

func busy(t *testing.T, n int) {
	for range n {
		cmd := exec.Command(os.Args[0], "0", "0")
		cmd.Env = append(os.Environ(), "PROBE_SUBJECT=spin")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	}
}

// judge asks a subject that waits forever and one that will answer.
func judge(t *testing.T, s subject, n int) {
	r := s.start(t, nap)
	var took []time.Duration
	for i := range n {
		if s.ticks {
			r.say(t, "h")
			refutes(t, r, 2*nap)
		} else {
			r.say(t, "h")
			d := diagnoses(t, r)
			took = append(took, d.Took)
			if i == 0 {
				t.Log(d)
			}
			for _, words := range s.says {
				if !strings.Contains(d.String(), words) {
					t.Fatalf("got %q, want %q in it", d, words)
				}
			}
		}
		r.say(t, "s")
		answers(t, r)
		r.say(t, "x")
		answers(t, r)
	}
	if slices.Sort(took); len(took) > 0 {
		t.Logf("median %v, longest %v", took[len(took)/2], took[len(took)-1])
	}
}

// diagnoses wants a subject to be found to wait forever.
func diagnoses(t *testing.T, r *running) probe.Diagnosis {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	d, err := probe.ProveStuck(ctx, r.tree, r.idle)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// refutes wants a subject with a timer not to be diagnosed for some time.
func refutes(t *testing.T, r *running, during time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), during)
	defer cancel()
	d, err := probe.ProveStuck(ctx, r.tree, r.idle)
	if not := new(probe.NotStuck); !errors.As(err, &not) || !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("got %q and %v, want %T", d, err, not)
	}
}

// answers wants a subject that will answer not to be diagnosed before.
func answers(t *testing.T, r *running) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	type result struct {
		d   probe.Diagnosis
		err error
	}
	done := make(chan result, 1)
	go func() {
		d, err := probe.ProveStuck(ctx, r.tree, r.idle)
		done <- result{d, err}
	}()
	r.readable(t)
	cancel()
	if got := <-done; !errors.As(got.err, new(*probe.NotStuck)) {
		t.Errorf("got %q and %v of a subject that answers", got.d, got.err)
	}
	r.hear(t)
}
