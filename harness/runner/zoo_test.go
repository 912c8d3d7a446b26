package runner

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
)

// An act that needs more than the short budget of a target that is known to hang gets the whole one.
// What fails gets no more.
func TestShortBudgetIsNoReasonForInvalid(t *testing.T) {
	const budget = 800 * time.Millisecond
	needs := func(ctx context.Context, rig scenario.Rig) error {
		select {
		case <-time.After(budget / 2): // the subject: more than the short budget, twice
			rig.ReportStruck("there was time for it")
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	fails := func(_ context.Context, rig scenario.Rig) error {
		rig.ReportStruck("at once")
		return errors.New("the subject fails")
	}
	for _, c := range []struct {
		act  func(context.Context, scenario.Rig) error
		runs int
		want outcome.Verdict
	}{{needs, 2, outcome.Pass}, {fails, 1, outcome.Fail}} {
		target := serve(t, upper)
		target.Planted = "test/other"
		r := New(Config{Seed: 1, Budget: budget, Tmp: t.TempDir(), Zoo: true})
		defer r.Close()
		b, err := r.prepareTarget(t.Context(), target)
		if err != nil {
			t.Fatal(err)
		}
		b.unconfirmedHangs.Store(maxKnownHangs)
		runs := 0
		act := func(ctx context.Context, rig scenario.Rig) error {
			runs++
			return c.act(ctx, rig)
		}
		results := r.RunScenario(t.Context(), target, playing(scenario.ActVariant("", 0, act)))
		if len(results) != 1 || results[0].Verdict != c.want || runs != c.runs {
			t.Errorf("got %+v after %d runs, want %s after %d", results, runs, c.want, c.runs)
		}
	}
}
