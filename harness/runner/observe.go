package runner

import (
	"context"

	"github.com/sockharness/harness/harness/capture"
	"github.com/sockharness/harness/harness/rig"
	"github.com/sockharness/harness/harness/scenario"
)

// observeVariant runs the variant and returns all that is known afterwards. An error
// means that the harness could not run it. The recording is nil unless it is wanted.
func (p *scenarioRun) observeVariant(ctx context.Context, c scenario.Case, v scenario.Variant) (scenario.Observation, *capture.Recording, error) {
	if err := p.target.ensureReady(ctx); err != nil {
		return scenario.Observation{}, nil, err
	}
	p.target.AwaitSocketsClosed(ctx)
	workers := p.currentWorkers(ctx)
	o, recording, err := p.target.Play(ctx, c, v, p.playOptions())
	if err != nil {
		return o, recording, err
	}
	if !p.target.WasTerminated() {
		o.DeadWorker = p.deadWorker(ctx, workers, o)
	}
	return o, recording, ownLimit(o)
}

// Options says what the variants of the scenario are run for.
func (p *scenarioRun) playOptions() rig.Options {
	return rig.Options{Scenario: p.scenario.ID, Script: p.tc.Conversation.Script, SpinAfter: p.spinThreshold(),
		NoRetryWait: p.target.plantedElsewhere(p.scenario), NoServing: p.target.knownHanging(p.scenario)}
}
