package timeout

import (
	"context"
	"fmt"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/toxics"
)

func trickle() scenario.Scenario {
	return scenario.Scenario{
		ID:    "timeout/trickle",
		Title: "A limit for the whole message is not reset by each of its bytes",
		Rationale: "A timer that starts anew with every read is no limit: one byte now and then holds the connection for ever. " +
			"That is a design for long downloads, and a hole where request_timeout or answer_deadline is declared.",
		Ref:   "slowloris, CVE-2007-6750; flare#14",
		Level: outcome.Must,
		Roles: scenario.Anyone(),
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
		return nil, c.Unsupported("the target declares no answer_deadline: it may wait for as long as bytes come")
	}
	start, length := c.Toward().Longest()
	rate := int64(float64(length) / 1024 / (ample * limit.Seconds()))
	if rate < 1 {
		return nil, c.Unsupported("the longest answer (%d bytes) is over too soon", length)
	}
	return []scenario.Variant{{
		Faults: []toxics.Spec{scenario.Strike("bandwidth", event.Downstream, start, map[string]any{"rate": rate})},
		Budget: max(0, stretched(limit)-c.Target.Policies.AnswerTimeout),
		Expect: []scenario.Expectation{scenario.GivesUp()},
	}}, nil
}

func trickledRequest(c scenario.Case) ([]scenario.Variant, error) {
	limit := c.Target.Policies.RequestTimeout
	start, length := c.Toward().Longest()
	switch {
	case limit == 0:
		return nil, c.Unsupported("the target declares no request_timeout: it may wait for as long as bytes come")
	case c.Conversation.Script == nil:
		return nil, c.Unsupported("without a dialogue nobody knows where a request ends")
	case length < 2*drops*ample:
		return nil, c.Unsupported("the longest request (%d bytes) is over too soon", length)
	}
	gap := limit / drops
	if idle := c.Target.Policies.IdleTimeout; idle > 0 {
		gap = min(gap, idle/2)
	}
	// What follows the request's first byte, but for its end.
	request := c.Toward().Bytes[start : start+length-1]
	return []scenario.Variant{{
		Budget: stretched(limit),
		Act: func(ctx context.Context, rig scenario.Rig) error {
			return dripFeed(ctx, rig, request, gap, limit)
		},
		Expect: []scenario.Expectation{scenario.Acts()},
	}}, nil
}

// dripFeed sends a request byte by byte until the server lets go.
func dripFeed(ctx context.Context, rig scenario.Rig, request []byte, gap, limit time.Duration) error {
	conn, err := rig.DialProxy(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	over := ended(conn)
	drip := time.NewTicker(gap)
	defer drip.Stop()
	for i := range request {
		if i == drops/2 {
			rig.Struck(fmt.Sprintf("a byte every %v", gap))
		}
		if _, err := conn.Write(request[i : i+1]); err != nil {
			return nil
		}
		select {
		case <-drip.C:
		case <-over:
			return nil
		case <-ctx.Done():
			return fmt.Errorf("the server still waits for the end of a request of which %d bytes came one by one, beyond its request_timeout of %v: %w",
				i+1, limit, context.Cause(ctx))
		}
	}
	return nil
}
