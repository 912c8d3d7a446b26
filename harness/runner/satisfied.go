package runner

import (
	"context"
	"fmt"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/toxics/spec"
)

const (
	// satisfiedRuns is how often a client is asked whether it needs the rest of an answer.
	satisfiedRuns = 2
	// promptly is the least time in which a client ends that does not wait for the rest. One
	// that gives up sooner than that is taken for one that does not wait.
	promptly = 500 * time.Millisecond
)

// needsMore is the declaration of a client for which the beginning of an answer is not enough.
const needsMore = "policies: {truncated: error}"

// lowerIfSatisfied is for a client that reported success, with its usual output, on an answer
// of which it got the beginning. A health check reads a status line and no more. It gets as
// much again on a connection that then stays open: a client that needs the rest waits for it,
// and fails as it has. One that ends promptly, and as usual, has had what it reads: this is
// for information, unless the target declares what a truncated answer means. It reports
// whether that is so.
func (p *scenarioRun) lowerIfSatisfied(ctx context.Context, v scenario.Variant, first attempt) (attempt, bool) {
	declared := p.tc.Target.Policies.Truncated
	if first.Verdict != outcome.Fail || first.Check != "" || declared == scenario.TruncationError || !p.cutsAnswer(v, first.usualAfter) {
		return first, false
	}
	stalled := scenario.Variant{Name: v.Name, Script: v.Script,
		Faults: []spec.Spec{scenario.FaultAt("stall", event.Downstream, first.usualAfter, nil)}}
	for range satisfiedRuns {
		t := p.runOnCleanServer(ctx, stalled)
		if t.usualAfter != first.usualAfter || t.clientTook > max(promptly, 3*first.clientTook)+t.cpuWait {
			continue
		}
		note := fmt.Sprintf("the client ends like that also when the answer stops at byte %d and the connection stays open: it waits for no more of it", first.usualAfter)
		if declared == scenario.TruncationAccepted {
			t.Verdict, t.Message, t.Remarks, t.Level = outcome.Pass, "", nil, first.Level
			t.Notes = append(t.Notes, note)
			return t, true
		}
		first.Level = outcome.Info
		first.Notes = append(first.Notes, note)
		first.Remarks = append(first.Remarks, outcome.Remark{Text: note, Declare: needsMore})
		return first, true
	}
	return first, false
}

// cutsAnswer reports whether the variant cuts an answer of the first connection, and n bytes
// end inside one.
func (p *scenarioRun) cutsAnswer(v scenario.Variant, n int64) bool {
	plain := v.Run == nil && v.Answer == nil && v.Connect == nil && v.Names == nil && v.AcceptMode == scenario.Accepting && v.Data == 0 && !v.Before
	answers := p.tc.Conversation.Downstream
	if !plain || n == 0 || p.tc.Role != scenario.Client || p.tc.Target.Transport() == scenario.UDP {
		return false
	}
	for _, i := range answers.SpokenExchanges() {
		if from, to := answers.ExchangeRange(i); from < n && (n < to || v.Script != nil) {
			return true
		}
	}
	return false
}
