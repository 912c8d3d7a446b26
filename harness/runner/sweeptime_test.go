package runner

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
)

func variantsNamed(n int) []scenario.Variant {
	all := make([]scenario.Variant, n)
	for i := range all {
		all[i].Name = fmt.Sprint(i + 1)
	}
	return all
}

func TestAffordableVariants(t *testing.T) {
	c := scenario.Case{Role: scenario.Client}
	for _, tt := range []struct {
		cpu  time.Duration
		want string
	}{
		{0, "1 2 3 4 5 6 7 8"},
		{50 * time.Millisecond, "1 2 3 4 5 6 7 8"},
		{600 * time.Millisecond, "2 4 6 8"},
		{1300 * time.Millisecond, "8"},
		{time.Minute, "8"},
	} {
		c.Conversation.CPU = tt.cpu
		kept, note := sampleAffordable(c, variantsNamed(8), clientCPU)
		var names []string
		for _, v := range kept {
			names = append(names, v.Name)
		}
		if got := strings.Join(names, " "); got != tt.want || (note == "") != (len(kept) == 8) {
			t.Errorf("%v: got %q, %q; want %q", tt.cpu, got, note, tt.want)
		}
	}
	c.Conversation.CPU = 600 * time.Millisecond
	if kept, _ := sampleAffordable(c, variantsNamed(8), zooClientCPU); len(kept) != 2 || kept[1].Name != "8" {
		t.Errorf("in a zoo: got %d variants, want 2 with the last", len(kept))
	}
	for want, given := range map[time.Duration]struct {
		zoo     bool
		planted string
	}{zooClientCPU: {true, ""}, clientCPU: {true, "eof/in-body"}} {
		if got := (Config{Zoo: given.zoo}).affordableCPU(scenario.Target{Planted: given.planted}); got != want {
			t.Errorf("%+v: got %v, want %v", given, got, want)
		}
	}
	c.Role = scenario.Server
	if kept, _ := sampleAffordable(c, variantsNamed(8), clientCPU); len(kept) != 8 {
		t.Errorf("a server is played %d of 8 variants", len(kept))
	}
}

// A sweep that takes more than its scenario's time plays the variants that fit, says so, and is no
// failure.
func TestSweepEndsWithItsTime(t *testing.T) {
	p := &scenarioRun{target: newTargetRun(Config{}, nil, scenario.Target{Name: "t"}), stopAt: time.Now().Add(-time.Second)}
	if !p.shouldStop(t.Context()) {
		t.Error("variants are begun although the time is up")
	}
	results := p.played([]attempt{{Result: outcome.Result{Verdict: outcome.Pass}}, {}, {}})
	if len(results) != 1 || len(results[0].Notes) != 1 || !strings.Contains(results[0].Notes[0], "2 more variants did not run: the time limit of the scenario") {
		t.Errorf("got %+v", results)
	}
}

func TestSoftDeadline(t *testing.T) {
	if at := softDeadline(context.Background()); !at.IsZero() {
		t.Errorf("without a deadline: got %v", at)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	deadline, _ := ctx.Deadline()
	if at := softDeadline(ctx); !at.After(time.Now()) || !at.Before(deadline) {
		t.Errorf("got %v, want between now and %v", at, deadline)
	}
}
