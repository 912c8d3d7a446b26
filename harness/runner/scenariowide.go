package runner

import (
	"context"
	"time"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/probe"
	"github.com/sockharness/harness/harness/scenario"
)

// spinWindow is how long a thread must run without sleeping, while no client is connected.
const spinWindow = 250 * time.Millisecond

// An usageAt is what a server process holds at one moment, while no client is connected.
type usageAt struct {
	pid   int
	usage probe.Usage
}

// measureNow returns nil where the server under test is no process of ours, or cannot be measured.
// Look is [probe.MeasureUsage] or [probe.MeasureFast].
func (p *scenarioRun) measureNow(look func([]int) (probe.Usage, error)) *usageAt {
	process, _ := p.target.ServerProcess()
	if process == nil || p.tc.Role != scenario.Server {
		return nil
	}
	usage, err := look(process.ApproxTree())
	if err != nil {
		return nil
	}
	return &usageAt{process.Pid(), usage}
}

// judgeScenarioWide judges what holds over all variants of a scenario: the server sleeps when no
// client is connected, and it has released what the conversations needed. What has grown is measured
// again after more conversations of the same kind.
func (p *scenarioRun) judgeScenarioWide(ctx context.Context, before *usageAt, variants []scenario.Variant, played []outcome.Result) []outcome.Result {
	if p.tc.Role != scenario.Server || ctx.Err() != nil || len(played) == 0 {
		return nil
	}
	var r scenario.LeakRounds
	if p.checkIdleCPU(ctx); p.spinner != "" {
		r.Busy = p.spinner
		p.target.confirmedHangs.Add(1)
	} else if before != nil {
		r = p.measureLeaks(ctx, before, variants, played)
	}
	var results []outcome.Result
	for _, v := range scenario.FindViolations(scenario.Observation{Case: p.tc, LeakRounds: &r, Ran: true}) {
		results = append(results, outcome.Result{Target: p.tc.Target.Name, Scenario: p.scenario.ID, Check: v.Oracle, Level: v.Level,
			Verdict: outcome.Fail, Message: v.Err.Error(), Cause: "check " + v.Oracle, Stderr: p.serverStderr()})
	}
	return results
}

func (p *scenarioRun) serverStderr() string {
	if process, _ := p.target.ServerProcess(); process != nil {
		return string(process.Stderr().TailBytes())
	}
	return ""
}

// checkIdleCPU reports whether the server keeps a processor busy while no client is connected, and
// keeps what was seen.
func (p *scenarioRun) checkIdleCPU(ctx context.Context) bool {
	if p.tc.Role != scenario.Server || !p.target.SpinsWhenIdle(ctx) {
		return false
	}
	if p.spinner == "" {
		b, err := probe.MeasureSpin(ctx, p.target.ProcessTree, min(spinWindow, p.spinThreshold()))
		if err != nil || b.Busiest < 0.9 {
			return false
		}
		p.spinner = b.String()
	}
	return true
}
