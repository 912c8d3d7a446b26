package timeout

import (
	"context"
	"fmt"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/toxics/spec"
)

// silentAnswer stops the answer after its first byte: a client that waits forever then
// has no limit at all, and none that a byte could reset.
func silentAnswer(c scenario.Case, start int64) *scenario.Control {
	limit := c.Target.Policies.AnswerDeadline
	return &scenario.Control{Without: "the bytes that trickle in", See: "timeout/mid-answer", Variant: scenario.Variant{
		Faults: []spec.Spec{scenario.FaultAt("stall", event.Downstream, start+1, nil)},
		Budget: max(0, stretchLimit(limit)-c.Target.Policies.AnswerTimeout),
		Expect: []scenario.Expectation{scenario.GivesUp()},
	}}
}

// silentRequest sends the first byte of a request and no other one.
func silentRequest(c scenario.Case, request []byte, limit time.Duration) *scenario.Control {
	return &scenario.Control{Without: "the bytes that trickle in", See: "timeout/dead-peer", Variant: scenario.Variant{
		Budget: stretchLimit(limit),
		Run: func(ctx context.Context, rig scenario.Rig) error {
			conn, err := rig.DialProxy(ctx)
			if err != nil {
				return err
			}
			defer conn.Close()
			over := awaitEnd(conn)
			if _, err := conn.Write(request[:1]); err != nil {
				return fmt.Errorf("send the first byte: %w", err)
			}
			rig.ReportStruck("the client sent one byte of a request and no more")
			select {
			case <-over:
				return nil
			case <-ctx.Done():
				return fmt.Errorf("the server did not close within its request_timeout of %v, after one byte of a request: %w",
					limit, context.Cause(ctx))
			}
		},
		Expect: []scenario.Expectation{scenario.ExpectRunSucceeds()},
	}}
}
