package runner

import (
	"context"
	"errors"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/toxics/spec"
)

func TestFaultsThatActLater(t *testing.T) {
	for _, tt := range []struct {
		fault spec.Spec
		want  bool
	}{
		{scenario.FaultAt("half_close", event.Upstream, 3, nil), false},
		{scenario.FaultAt("half_close", event.Upstream, 3, map[string]any{"after_read": true}), true},
		{scenario.FaultAt("vanish", event.Upstream, 3, nil), false},
		{scenario.FaultAt("reset", event.Upstream, 3, nil), true},
		{scenario.SplitAt(event.Upstream, 3), true},
	} {
		if got := mayActLater(tt.fault); got != tt.want {
			t.Errorf("%s %v: got %v, want %v", tt.fault.Type, tt.fault.Attributes, got, tt.want)
		}
	}
}

func TestNobodyKnowsWhatAForeignServerIsAbout(t *testing.T) {
	foreign := scenario.Target{Server: scenario.Peer{Address: "127.0.0.1:1"}}
	if newIdleDetector(event.NewLog(0), scenario.Variant{}, foreign) != nil {
		t.Error("a server that is not a process of ours was taken for one that can be proven to hang")
	}
}

func TestAnEventEndsTheIdleness(t *testing.T) {
	log := event.NewLog(0)
	i := newIdleDetector(log, scenario.Variant{}, scenario.Target{})
	i.after = 0
	if i.isQuiet() {
		t.Error("idle at the first look, before anything is known")
	}
	if !i.isQuiet() {
		t.Error("not idle although nothing has happened since")
	}
	log.AddEvent(event.Event{Kind: event.Bytes})
	if i.isQuiet() {
		t.Error("idle right after an event")
	}
}

// A split holds nothing back once the boundary is passed.
func TestSplitIsOverWithItsLastBoundary(t *testing.T) {
	log := event.NewLog(0)
	i := newIdleDetector(log, scenario.Variant{Faults: []spec.Spec{scenario.SplitAt(event.Upstream, 3, 5)}}, scenario.Target{})
	for n, want := range []bool{false, false, true} {
		if i.allPassed() != want {
			t.Errorf("after %d boundaries: got %v", n, !want)
		}
		log.AddEvent(event.Event{Kind: event.BoundaryRead, Conn: 1})
	}
	log.AddEvent(event.Event{Kind: event.Accept, Conn: 2})
	if i.allPassed() {
		t.Error("with a second connection, of which nothing is known: got true")
	}
}

// A peer that waits forever is told long before its time is over, with the call
// that it waits in.
func TestWaitTellsAHang(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("SKIPPED: only Linux tells what a process waits for")
	}
	waiter := exec.Command("cat")
	stdin, err := waiter.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	if err := waiter.Start(); err != nil {
		t.Skipf("SKIPPED: %v", err)
	}
	defer func() { _ = waiter.Process.Kill(); _ = waiter.Wait() }()
	ctx, stop := wait{budget: 20 * time.Second, pids: func() []int { return []int{waiter.Process.Pid} },
		idle: func() bool { return true }, proofSlot: make(chan struct{}, 1)}.startTimer(t.Context())
	defer stop()
	<-ctx.Done()
	if spins, stuck := explainCause(context.Cause(ctx)); spins || !strings.Contains(stuck, "waits without end in read") {
		t.Errorf("ended by %v, want a proof that cat waits in read", context.Cause(ctx))
	}
}

func TestVerdictOfAWait(t *testing.T) {
	if spins, stuck := explainCause(context.DeadlineExceeded); spins || stuck != "" {
		t.Errorf("got %v, %q of a deadline", spins, stuck)
	}
	if spins, _ := explainCause(errors.Join(errSpin)); !spins {
		t.Error("a spin was not told")
	}
}
