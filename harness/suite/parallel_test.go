package suite

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/runner"
)

func passOf(name string) []outcome.Result {
	return []outcome.Result{{Scenario: name, Verdict: outcome.Pass}}
}

// A scenario that was begun ahead runs beside the one that Ginkgo runs, and is played once.
func TestRunsGoSideBySide(t *testing.T) {
	began, plays := make(chan struct{}), atomic.Int64{}
	l := newParallelRuns(t.Context(), runner.New(runner.Config{}), func(_ context.Context, _ ScenarioRunner, p pair) []outcome.Result {
		plays.Add(1)
		if p.name == "second" {
			close(began)
		}
		<-began
		return passOf(p.name)
	})
	defer l.closeAll()
	l.playAhead(pair{name: "second"})
	l.playAhead(pair{name: "second"})
	for _, name := range []string{"first", "second"} {
		if got := l.playNow(t.Context(), pair{name: name}); len(got) != 1 || got[0].Scenario != name {
			t.Errorf("%s: got %v", name, got)
		}
	}
	l.playAhead(pair{name: "first"}) // too late
	l.tasks.Wait()
	if n := plays.Load(); n != 2 {
		t.Errorf("%d scenarios were played, want 2", n)
	}
}

// What Ginkgo gives up is given up where it was begun.
func TestRunsEndWithTheirSpec(t *testing.T) {
	l := newParallelRuns(t.Context(), runner.New(runner.Config{}), func(ctx context.Context, _ ScenarioRunner, p pair) []outcome.Result {
		<-ctx.Done()
		return passOf(p.name)
	})
	defer l.closeAll()
	l.playAhead(pair{name: "ahead"})
	l.playAhead(pair{name: "never asked for"}) // ends with them all
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got := l.playNow(ctx, pair{name: "ahead"}); len(got) != 1 {
		t.Errorf("got %v", got)
	}
}

// A panic comes up in the spec that it belongs to.
func TestRunsPassOnPanics(t *testing.T) {
	l := newParallelRuns(t.Context(), runner.New(runner.Config{}), func(context.Context, ScenarioRunner, pair) []outcome.Result { panic("broken") })
	defer l.closeAll()
	l.playAhead(pair{name: "ahead"})
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	l.playNow(t.Context(), pair{name: "ahead"})
}
