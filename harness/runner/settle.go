package runner

import (
	"context"
	"errors"
	"strings"

	"github.com/sockharness/harness/harness/await"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/rig"
	"github.com/sockharness/harness/harness/scenario"
)

// confirmAlone plays a variant again that failed only because it took too long: while no worker plays
// anything else, and after the server has answered what earlier clients have left. A server may ask a
// service that serves one client at a time; then it is late because of our other conversations, not
// because of the fault. The programs of a zoo ask no such service: there other workers continue. It
// returns false where the verdict cannot depend on that.
func (p *scenarioRun) confirmAlone(ctx context.Context, v scenario.Variant, first attempt) (attempt, bool) {
	late := (first.timedOut || first.late) && !first.spunCPU
	if !late || p.tc.Role != scenario.Server || p.target.Script() == nil || p.target.knownToHang() {
		return attempt{}, false
	}
	if p.runner.config.Zoo {
		return p.runAfterBacklog(ctx, v), true
	}
	return p.runExclusive(ctx, v, p.awaitBacklog), true
}

// runAfterBacklog plays a variant by itself, once the server has answered what earlier clients left.
func (p *scenarioRun) runAfterBacklog(ctx context.Context, v scenario.Variant) attempt {
	p.ensureClean()
	p.awaitBacklog(ctx)
	return p.runShared(ctx, v, cleanFactor)
}

// awaitBacklog waits until the server has answered a new client once.
func (p *scenarioRun) awaitBacklog(ctx context.Context) {
	if p.target.ensureReady(ctx) != nil {
		return // the variant that follows reports that
	}
	limited, stop := await.Wait{Budget: rig.ControlTimeout, PIDs: p.target.ProcessTree}.Start(ctx)
	defer stop()
	_ = p.target.FirstExchange(limited) // only the variant that follows is judged
}

// isLate reports whether the only failure is that another conversation, beside the variant's or after
// it, took too long.
func isLate(r outcome.Result, o scenario.Observation) bool {
	for _, err := range []error{o.AfterErr, o.OtherClientErr} {
		if errors.Is(err, context.DeadlineExceeded) && strings.HasSuffix(r.Message, err.Error()) && !strings.Contains(r.Message, "\n") {
			return true
		}
	}
	return false
}

// unconfirmedForTime is for a failure that there was no time to confirm. A timeout tells nothing then
// about a server, which other conversations may keep busy.
func (p *scenarioRun) unconfirmedForTime(first attempt) attempt {
	if p.tc.Role == scenario.Server && first.isSuspect() && (first.timedOut || first.late) {
		first.Verdict = outcome.Unsupported
		first.Message = "late, and there was no time to find out why (--timeout gives the scenario more): " + first.Message
	}
	return first
}
