package runner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sockharness/harness/harness/await"
	"github.com/sockharness/harness/harness/capture"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/probe"
	"github.com/sockharness/harness/harness/scenario"
)

const (
	// maxSuspects is how many suspects of a sweep stop it: what follows would cost a
	// timeout each and tell nothing new.
	maxSuspects = 8
	// maxClientSuspects is the same of a client: each of its runs is a process.
	maxClientSuspects = 3
	// maxHangs is the same where each costs the time that it takes to prove a
	// hang, or a timeout.
	maxHangs = 2
)

// A scenarioRun is one scenario on one target.
type scenarioRun struct {
	runner   *Runner
	target   *targetRun
	scenario scenario.Scenario
	tc       scenario.Case

	suspects atomic.Int64
	broken   atomic.Bool // the server has died or does not serve any more
	// unfinished names a variant that was begun and not over when the context ended; nil: none was
	unfinished atomic.Pointer[string]
	dirty      atomic.Bool // it still has to do with a conversation that hung
	spinner    string      // who burned a processor with nobody to talk to
	stopAt     time.Time   // when no more variants are begun; zero: never
	skipped    string      // why variants were left out before the first one; empty: none were

	workersMu  sync.Mutex // guards what follows
	workers    serverWorkers
	recycles   bool        // the workers end after each conversation, and others replace them
	workerDied atomic.Bool // one of the workers has ended
}

// clone returns the same scenario on a testbed of its own. The caller closes its target.
func (p *scenarioRun) clone() *scenarioRun {
	return &scenarioRun{runner: p.runner, target: p.target.clone(p.runner.shared), scenario: p.scenario, tc: p.tc}
}

// An attempt is one variant, played once.
type attempt struct {
	outcome.Result
	lowerLevel []scenario.Violation // of less than the result's level
	problem    bool                 // something was not as expected, whether the fault struck or not
	timedOut   bool                 // it failed for time alone
	late       bool                 // another conversation with the server failed for time alone, and this failure is only that
	hung       bool                 // a peer hung, spun or took too long
	spunCPU    bool                 // a peer burned a processor
	stormed    bool                 // the client connected without a pause
	cpuWait    time.Duration        // for which a peer or we waited for a processor meanwhile
	budget     time.Duration        // that its waits had; they grow by the time for which processors were short
	recordings []*capture.Recording // of what did not pass, if that is wanted: this run's, and the one that it confirms
}

func (t attempt) isSuspect() bool { return t.Verdict == outcome.Fail || t.Verdict == outcome.Invalid }

// provenHang reports whether it is known that a peer would never have come to an end, or
// does what no lack of processors explains,
// however long it had got.
func (t attempt) provenHang() bool { return t.hung && !t.timedOut || t.stormed }

// runVariants plays the variants, as many at a time as the target bears, and plays
// those that did not pass again alone. Variants that were not reached are left
// out, and a note says so.
func (p *scenarioRun) runVariants(ctx context.Context, variants []scenario.Variant) []outcome.Result {
	elsewhere := p.target.plantedElsewhere(p.scenario)
	var before *usageAt
	if !elsewhere && slices.ContainsFunc(variants, func(v scenario.Variant) bool { return v.Run == nil }) {
		before = p.measureNow(probe.MeasureFast)
	}
	p.stopAt = softDeadline(ctx)
	attempts := p.runSideBySide(ctx, variants)
	collateral := p.broken.Load()
	p.confirmSuspects(ctx, variants, attempts)
	p.excuseUnasked(ctx, attempts)
	results := p.played(attempts)
	if collateral && !anyFailed(results) {
		results = append(results, p.confirmCumulative(ctx, variants)...)
	}
	results = append(results, p.confirmLowerLevel(ctx, variants, attempts)...)
	if !elsewhere || !anyFailed(results) {
		results = append(results, p.judgeScenarioWide(ctx, before, variants, results)...)
	}
	if p.broken.Swap(false) || p.spinner != "" || p.tc.Target.Server.Scope == scenario.PerScenario || anyFailed(results) {
		p.target.DiscardServer()
	}
	if name := p.unfinished.Load(); name != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) && !anyFailed(results) {
		results = append(results, p.unfinishedResult(*name))
	}
	return results
}

// unfinishedResult is no pass: the variant may hang forever.
func (p *scenarioRun) unfinishedResult(variant string) outcome.Result {
	return outcome.Result{Target: p.tc.Target.Name, Scenario: p.scenario.ID, Variant: variant, Level: p.scenario.Level, Verdict: outcome.Invalid,
		Message: "it had not finished when the scenario's time was over; --timeout gives it more"}
}

// anyFailed reports whether the server did something wrong, be it by the fault or without it.
func anyFailed(results []outcome.Result) bool {
	return slices.ContainsFunc(results, func(r outcome.Result) bool {
		return r.Verdict == outcome.Fail || r.Verdict == outcome.Blocked
	})
}

// played returns the results of what was reached.
func (p *scenarioRun) played(attempts []attempt) []outcome.Result {
	var results []outcome.Result
	for _, t := range attempts {
		if t.Verdict != "" {
			p.writeRecordings(&t.Result, t.recordings)
			results = append(results, t.Result)
		}
	}
	if missing := len(attempts) - len(results); missing > 0 && len(results) > 0 {
		last := &results[len(results)-1]
		noun := "variants"
		if missing == 1 {
			noun = "variant"
		}
		last.Notes = append(last.Notes, fmt.Sprintf("%d more %s did not run: %s", missing, noun, p.whyStopped()))
	}
	if p.skipped != "" && len(results) > 0 {
		results[0].Notes = append(results[0].Notes, p.skipped)
	}
	return results
}

// batchRounds is how many times its width a batch of variants has. After each batch a
// server that burns a processor with nobody to talk to is replaced: what it keeps
// of every conversation would slow down the next ones more and more.
const batchRounds = 2

// runSideBySide plays the variants side by side, batch by batch, until there are
// enough suspects. The first one goes ahead: where it hangs, the others do not
// hang all at once.
func (p *scenarioRun) runSideBySide(ctx context.Context, variants []scenario.Variant) []attempt {
	attempts := make([]attempt, len(variants))
	width, step := 1, 1
	for from := 0; from < len(variants) && !p.shouldStop(ctx); {
		to := min(from+step, len(variants))
		p.runBatch(ctx, variants[from:to], attempts[from:to], width)
		if to < len(variants) && !p.shouldStop(ctx) && p.checkIdleCPU(ctx) {
			if p.skipConfirmation("cpu") {
				return attempts
			}
			p.target.DiscardServer()
		}
		p.restartIfDirty()
		if from == 0 && !attempts[0].hung {
			width = p.batchWidth(variants)
			step = batchRounds * max(width, p.target.leastBatch())
		}
		from = to
	}
	return attempts
}

// restartIfDirty replaces a server that a conversation has hung with, unless it is known
// not to serve at all.
func (p *scenarioRun) restartIfDirty() {
	if p.dirty.Swap(false) && !p.broken.Load() {
		p.target.DiscardServer()
	}
}

func (p *scenarioRun) runBatch(ctx context.Context, variants []scenario.Variant, attempts []attempt, width int) {
	slots := make(chan struct{}, width)
	var wg sync.WaitGroup
	defer wg.Wait()
	for i, v := range variants {
		slots <- struct{}{}
		if p.shouldStop(ctx) {
			return
		}
		wg.Go(func() {
			defer func() { <-slots }()
			attempts[i] = p.runShared(ctx, v, 1)
			if attempts[i].Verdict == "" {
				p.unfinished.Store(&v.Name)
			}
			p.countSuspect(attempts[i])
		})
	}
}

// countSuspect counts a suspect, by what more like it would cost.
func (p *scenarioRun) countSuspect(t attempt) {
	switch {
	case !t.isSuspect():
	case t.hung && p.target.suspectedToHang():
		p.suspects.Add(p.suspectLimit())
	case t.hung:
		p.suspects.Add(max(1, p.suspectLimit()/maxHangs))
	default:
		p.suspects.Add(1)
	}
}

// shouldStop reports whether playing on together would be for nothing.
func (p *scenarioRun) shouldStop(ctx context.Context) bool {
	return ctx.Err() != nil || p.suspects.Load() >= p.suspectLimit() || p.broken.Load() || p.timeIsUp()
}

func (p *scenarioRun) suspectLimit() int64 {
	if p.skipConfirmation("") {
		return 1
	}
	if p.tc.Role == scenario.Client {
		return maxClientSuspects
	}
	return maxSuspects
}

// batchWidth is how many variants may run at a time: one where they act on the
// server process itself, and no more than the server lets in.
func (p *scenarioRun) batchWidth(variants []scenario.Variant) int {
	switch {
	case slices.ContainsFunc(variants, func(v scenario.Variant) bool { return v.Run != nil }):
		return 1
	case p.tc.Role == scenario.Client || p.tc.Target.Client.Dialogue == nil:
		return p.runner.config.Clients
	}
	_, address := p.target.ServerProcess()
	return maxConcurrency(address, p.target.maxBeside(p.runner.config.Servers))
}

// runShared plays one variant and judges it, while nobody claims the machine. The
// budget is stretched by the factor.
func (p *scenarioRun) runShared(ctx context.Context, v scenario.Variant, factor int) attempt {
	release := p.runner.machine.RLock(ctx)
	defer release()
	if p.target.State() == scenario.StateProcess {
		return p.runOnFreshProcess(ctx, v, factor)
	}
	return p.runLocked(ctx, v, factor)
}

// runLocked is one for who has claimed the machine.
func (p *scenarioRun) runLocked(ctx context.Context, v scenario.Variant, factor int) attempt {
	start := time.Now()
	tc := p.tc
	tc.Budget *= time.Duration(factor)
	if v.Script != nil {
		whole := tc.Conversation
		tc.Conversation = scenario.ScriptedConversation(v.Script)
		tc.Conversation.Stdout, tc.Conversation.Exit, tc.Conversation.Output = whole.Stdout, whole.Exit, whole.Output
		tc.Conversation.Took, tc.Conversation.CPU = whole.Took, whole.CPU
	}
	if v.Data > 0 {
		tc.Conversation = dataConversation(p.tc.Conversation, v.Data)
	}
	level := p.scenario.Level
	if v.Level != "" {
		level = v.Level
	}
	t := attempt{budget: tc.Budget + v.Budget, Result: outcome.Result{Target: tc.Target.Name, Scenario: p.scenario.ID, Variant: v.Name, Level: level}}
	observation, recording, err := p.observeVariant(ctx, tc, v)
	t.Elapsed = outcome.MillisOf(time.Since(start))
	if ctx.Err() != nil {
		return attempt{} // nobody knows what would have become of it
	}
	if err != nil {
		t.Verdict, t.Message = outcome.Invalid, err.Error()
		t.keepRecording(recording)
		return t
	}
	if observation.PeerHung() {
		p.dirty.Store(true)
	}
	if observation.ServerDied() || observation.AfterErr != nil {
		p.broken.Store(true)
	}
	t.lowerLevel, t.problem = judgeAttempt(&t.Result, v, observation)
	if t.Verdict != outcome.Pass || len(t.lowerLevel) > 0 {
		t.keepRecording(recording)
	}
	t.hung, t.spunCPU, t.cpuWait = observation.PeerHung(), observation.SpunCPU(), observation.Starved
	t.stormed = observation.Stormed()
	t.timedOut = observation.TimedOutUnproven() && !errors.As(observation.RunError, new(*await.StuckError))
	t.late = isLate(t.Result, observation)
	if v.Run != nil && t.isSuspect() {
		p.dirty.Store(true) // it may keep the memory that the act made it take
	}
	return t
}
