package await

import (
	"context"
	"errors"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/probe"
)

func TestGrowthSince(t *testing.T) {
	ms := time.Millisecond
	before := ThreadStats{1: {Ran: 5 * ms, Waited: 5 * ms}, 2: {Waited: 100 * ms}}
	after := ThreadStats{1: {Ran: 45 * ms, Waited: 6 * ms}, 2: {Waited: 130 * ms}, 3: {Ran: 7 * ms, Waited: 20 * ms}}
	got := after.GrowthSince(before)
	if got.Waited != 30*ms || got.Ran != 47*ms || got.Busiest != (probe.SchedStat{Ran: 40 * ms, Waited: ms}) {
		t.Errorf("got %+v; want waited 30ms of thread 2, ran 47ms of all, busiest thread 1 with 40ms and 1ms", got)
	}
}

func nobody() []int { return nil }

func TestWaitEndsAfterItsBudget(t *testing.T) {
	start := time.Now()
	ctx, stop := Wait{Budget: 50 * time.Millisecond, PIDs: nobody}.Start(t.Context())
	defer stop()
	<-ctx.Done()
	if waited := time.Since(start); waited < 50*time.Millisecond || !errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
		t.Errorf("ended after %s by %v, want the budget of 50ms and a deadline", waited, context.Cause(ctx))
	}
}

func TestWaitEndsWithItsParent(t *testing.T) {
	parent, cancel := context.WithCancel(t.Context())
	ctx, stop := Wait{Budget: time.Hour, PIDs: nobody}.Start(parent)
	defer stop()
	cancel()
	<-ctx.Done()
}

// A peer that burns a processor while nothing moves is told long before its
// time is over.
func TestWaitTellsASpinner(t *testing.T) {
	spinner := exec.Command("sh", "-c", "while :; do :; done")
	if err := spinner.Start(); err != nil {
		t.Skipf("SKIPPED: no shell: %v", err)
	}
	defer func() { _ = spinner.Process.Kill(); _ = spinner.Wait() }()
	if len(ReadThreadStats([]int{spinner.Process.Pid})) == 0 {
		t.Skip("SKIPPED: this system does not tell what its threads do")
	}
	ctx, stop := Wait{Budget: time.Minute, PIDs: func() []int { return []int{spinner.Process.Pid} },
		Moved: func() int64 { return 0 }}.Start(t.Context())
	defer stop()
	<-ctx.Done()
	if !errors.Is(context.Cause(ctx), ErrSpin) {
		t.Errorf("ended by %v, want a spin", context.Cause(ctx))
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
	ctx, stop := Wait{Budget: 20 * time.Second, PIDs: func() []int { return []int{waiter.Process.Pid} },
		Idle: func() bool { return true }, ProofSlot: make(chan struct{}, 1)}.Start(t.Context())
	defer stop()
	<-ctx.Done()
	if spins, stuck := Explain(context.Cause(ctx)); spins || !strings.Contains(stuck, "waits without end in read") {
		t.Errorf("ended by %v, want a proof that cat waits in read", context.Cause(ctx))
	}
}

func TestVerdictOfAWait(t *testing.T) {
	if spins, stuck := Explain(context.DeadlineExceeded); spins || stuck != "" {
		t.Errorf("got %v, %q of a deadline", spins, stuck)
	}
	if spins, _ := Explain(errors.Join(ErrSpin)); !spins {
		t.Error("a spin was not told")
	}
}

// The work of the control counts as processor time that the peer has had enough of; what it
// waited for a processor beside that does not count, up to twice the budget.
func TestBudgetUsed(t *testing.T) {
	const second = time.Second
	for _, c := range []struct {
		elapsed, cpuWait, ran, work, want time.Duration
	}{
		{3 * second, 1500 * time.Millisecond, 1200 * time.Millisecond, 1200 * time.Millisecond, 1500 * time.Millisecond},
		{3 * second, 1500 * time.Millisecond, 2200 * time.Millisecond, 1200 * time.Millisecond, 3 * second},
		{9 * second, 8 * second, 0, 0, 5 * second},
	} {
		l := &cpuMonitor{Wait: Wait{Budget: 2 * second, Work: c.work}, elapsed: c.elapsed, cpuWait: c.cpuWait, ran: c.ran}
		if got := l.budgetUsed(); got != c.want {
			t.Errorf("%v with %v without a processor and %v of work: used %v, want %v", c.elapsed, c.cpuWait, c.ran, got, c.want)
		}
	}
}

// A wait that is longer than its budget asks for more time, until there is none.
func TestWaitIsExtended(t *testing.T) {
	asked := 0
	more := func() time.Duration { asked++; return time.Duration(2-asked) * 10 * time.Millisecond }
	ctx, stop := Wait{Budget: 10 * time.Millisecond, PIDs: nobody, MoreTime: more}.Start(t.Context())
	defer stop()
	<-ctx.Done()
	if asked != 2 || !errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
		t.Errorf("asked %d times, ended by %v; want 2 times, and the deadline", asked, context.Cause(ctx))
	}
}

// What EndEarly returns is the cause of the end.
func TestWaitEndsEarly(t *testing.T) {
	cause := errors.New("it storms")
	ctx, stop := Wait{Budget: time.Hour, PIDs: nobody, EndEarly: func() error { return cause }}.Start(t.Context())
	defer stop()
	<-ctx.Done()
	if got := context.Cause(ctx); got != cause {
		t.Errorf("ended by %v, want %v", got, cause)
	}
}

func TestErrorsOfAWait(t *testing.T) {
	late := &LateError{Budget: 2 * time.Second, Cause: ErrSpin}
	if late.Error() != "timed out after 2s" || !errors.Is(late, ErrSpin) {
		t.Errorf("got %q, a spin: %v", late, errors.Is(late, ErrSpin))
	}
	stuck := &StuckError{Diagnosis: probe.Diagnosis{Waits: []probe.Wait{{Program: "python3", Call: "recvfrom"}}}}
	if got := StuckIn(stuck); got != "python3 in recvfrom" {
		t.Errorf("stuck in %q, want python3 in recvfrom", got)
	}
	if got := StuckIn(ErrSpin); got != "" {
		t.Errorf("a spin is stuck in %q, want nothing", got)
	}
	all := WithServices(func() []int { return []int{1} }, func() []int { return []int{2, 3} })
	if got := all(); len(got) != 3 {
		t.Errorf("got %v, want the peers and their services", got)
	}
}
