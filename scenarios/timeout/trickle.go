package timeout

import (
	"context"
	"fmt"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/toxics/spec"
)

func trickledBytes() scenario.Scenario {
	return scenario.Scenario{
		ID:    "timeout/trickle",
		Title: "A time limit for a whole message is not restarted by each of its bytes",
		Rationale: "If every read restarts the timer, a client that sends one byte now and then holds the connection without " +
			"end. For long downloads this may be intended. If request_timeout or answer_deadline is declared, it is a " +
			"bug.",
		Ref:   "slowloris, CVE-2007-6750; flare#14",
		Level: outcome.Must,
		Roles: scenario.AnyRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			if c.Role == scenario.Server {
				return trickledRequest(c)
			}
			return trickledAnswer(c)
		},
	}
}

// drops is how many bytes at least arrive before a limit for the whole is over.
const drops = 10

// ample is how many times its limit an answer or a request would take.
const ample = 3

func trickledAnswer(c scenario.Case) ([]scenario.Variant, error) {
	limit := c.Target.Policies.AnswerDeadline
	if limit == 0 {
		return nil, c.UnsupportedErrorf("the target does not declare answer_deadline, so it may wait as long as bytes arrive")
	}
	_, start, length := c.Incoming().LongestExchange()
	rate := int64(float64(length) / 1024 / (ample * limit.Seconds()))
	if rate < 1 {
		return nil, c.UnsupportedErrorf("the longest answer (%s) is too short to exceed the deadline", plural.Count(length, "byte"))
	}
	return []scenario.Variant{{
		Faults:  []spec.Spec{scenario.FaultAt("bandwidth", event.Downstream, start, map[string]any{"rate": rate})},
		Budget:  max(0, stretchLimit(limit)-c.Target.Policies.AnswerTimeout),
		Expect:  []scenario.Expectation{scenario.GivesUp()},
		Control: silentAnswer(c, start),
	}}, nil
}

func trickledRequest(c scenario.Case) ([]scenario.Variant, error) {
	limit := c.Target.Policies.RequestTimeout
	_, start, length := c.Incoming().LongestExchange()
	switch {
	case limit == 0:
		return nil, c.UnsupportedErrorf("the target does not declare request_timeout, so it may wait as long as bytes arrive")
	case c.Conversation.Script == nil:
		return nil, c.UnsupportedErrorf("the target has no dialogue, so the harness does not know where a request ends; add a dialogue")
	case length < 2*drops*ample:
		return nil, c.UnsupportedErrorf("the longest request (%s) is too short to exceed the timeout", plural.Count(length, "byte"))
	}
	gap := limit / drops
	if idle := c.Target.Policies.IdleTimeout; idle > 0 {
		gap = min(gap, idle/2)
	}
	// What follows the request's first byte, but for its end.
	request := c.Incoming().Bytes[start : start+length-1]
	return []scenario.Variant{{
		Budget: stretchLimit(limit),
		Run: func(ctx context.Context, rig scenario.Rig) error {
			return dripFeed(ctx, rig, request, gap, limit)
		},
		Expect:  []scenario.Expectation{scenario.ExpectRunSucceeds()},
		Control: silentRequest(c, request, limit),
	}}, nil
}

// dripFeed sends a request byte by byte until the server lets go.
func dripFeed(ctx context.Context, rig scenario.ConversationRig, request []byte, gap, limit time.Duration) error {
	conn, err := rig.DialProxy(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	over := awaitEnd(conn)
	drip := time.NewTicker(gap)
	defer drip.Stop()
	for i := range request {
		if i == drops/2 {
			rig.ReportStruck(fmt.Sprintf("one byte every %v", gap))
		}
		if _, err := conn.Write(request[i : i+1]); err != nil {
			return nil
		}
		select {
		case <-drip.C:
		case <-over:
			return nil
		case <-ctx.Done():
			return fmt.Errorf("after %s of a request, sent one by one, the server did not close within its request_timeout of %v: %w",
				plural.Count(i+1, "byte"), limit, context.Cause(ctx))
		}
	}
	return nil
}
