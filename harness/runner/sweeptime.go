package runner

import (
	"context"
	"fmt"
	"time"

	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/scenario"
)

// sweepShare is the part of a scenario's time in which variants are begun. The rest is for variants
// that run, for confirmations and for leaks.
const sweepShare = 0.5

// softDeadline returns when no more variants of a scenario are begun; zero: there is no limit.
func softDeadline(ctx context.Context) time.Time {
	deadline, ok := ctx.Deadline()
	if !ok {
		return time.Time{}
	}
	return time.Now().Add(time.Duration(sweepShare * float64(time.Until(deadline))))
}

// timeIsUp reports whether the time to begin variants is over.
func (p *scenarioRun) timeIsUp() bool { return !p.stopAt.IsZero() && time.Now().After(p.stopAt) }

// whyStopped says why variants were not played.
func (p *scenarioRun) whyStopped() string {
	if p.timeIsUp() && p.suspects.Load() < p.suspectLimit() {
		return "the time limit of the scenario was reached (--timeout)"
	}
	return "enough variants have failed already"
}

// clientCPU is the processor time that the variants of one scenario may cost together, and
// zooClientCPU is the same in a zoo: there the correct client is one of many, and each run of one that
// computes takes a processor from all.
const (
	clientCPU    = 2400 * time.Millisecond
	zooClientCPU = clientCPU / 2
)

// affordableCPU is the processor time for the variants of one scenario on the target. A broken program
// of a zoo may fail in few of them.
func (c Config) affordableCPU(t scenario.Target) time.Duration {
	if c.Zoo && t.Planted == "" {
		return zooClientCPU
	}
	return clientCPU
}

// sampleAffordable returns as many variants as the given processor time of the client allows: the last one,
// which gets the furthest, and others evenly before it. The sentence says how many were left out; it
// is empty if all are returned.
func sampleAffordable(c scenario.Case, variants []scenario.Variant, most time.Duration) ([]scenario.Variant, string) {
	cpu := c.Conversation.CPU
	if c.Role != scenario.Client || cpu <= 0 {
		return variants, ""
	}
	n := max(1, int(most/cpu))
	if n >= len(variants) {
		return variants, ""
	}
	kept := make([]scenario.Variant, n)
	for i := range kept {
		kept[i] = variants[(i+1)*len(variants)/n-1]
	}
	return kept, fmt.Sprintf("%d of %s ran: each run of the client takes %s of CPU time (--sweep N runs more)",
		n, plural.Count(len(variants), "variant"), cpu.Round(10*time.Millisecond))
}
