package runner

import (
	"context"
	"fmt"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
)

// controlRuns is how often the control of a variant must fail before the variant is
// blocked: once may be chance.
const controlRuns = 2

// blockedByControl runs the control of a variant that failed. It returns the blocked
// result where the control fails too, and false where it passes or there is none.
func (p *scenarioRun) blockedByControl(ctx context.Context, v scenario.Variant, failed attempt) (attempt, bool) {
	if v.Control == nil || failed.Verdict != outcome.Fail {
		return failed, false
	}
	var control attempt
	for range controlRuns {
		control = p.runOnCleanServer(ctx, v.Control.Variant)
		if control.Verdict != outcome.Fail {
			return failed, false
		}
	}
	blocked := control
	blocked.Variant, blocked.Level, blocked.Verdict = v.Name, failed.Level, outcome.Blocked
	blocked.lowerLevel = nil
	blocked.Message = blockedMessage(*v.Control, control.Message)
	return blocked, true
}

func blockedMessage(c scenario.Control, message string) string {
	return fmt.Sprintf("fails without %s too, so %s is not the cause; see %s\n%s", c.Without, c.Without, c.See, message)
}
