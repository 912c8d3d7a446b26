package udp

import (
	"context"
	"fmt"
	"slices"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
)

func reorderedRequests() scenario.Scenario {
	return scenario.Scenario{
		ID:    "udp/reordered-requests",
		Title: "Two requests that arrive in reverse order get their own answers",
		Rationale: "Datagrams overtake each other. A server that pairs answers with requests by their order, or puts pieces together " +
			"as they come, gives wrong answers. Only for protocols whose clients do not wait for each answer.",
		Ref:   "RFC 8085 §3.1; catalogue: udp-loss",
		Level: outcome.Must,
		Roles: scenario.ServerRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			pipelining := c.Target.Policies.Pipelining
			script := c.Conversation.Script
			switch {
			case script == nil || len(script.Steps) < 2:
				return nil, c.UnsupportedErrorf("the dialogue has one request")
			case script.Captures():
				return nil, c.UnsupportedErrorf("the dialogue writes captured values, so each request needs the answer before")
			case pipelining != nil && !*pipelining:
				return nil, c.UnsupportedErrorf("the target declares pipelining: false: its clients wait for each answer")
			}
			var out []scenario.Variant
			for i := range min(len(script.Steps)-1, maxSteps) {
				if len(script.Steps[i].Send) == 0 || len(script.Steps[i+1].Send) == 0 {
					continue
				}
				v := act(c, fmt.Sprintf("exchanges=%d,%d", i+2, i+1), func(ctx context.Context, rig scenario.Rig) error { return sendSwapped(ctx, rig, script, i) })
				if pipelining == nil {
					v.Level, v.Declare = outcome.Info, "policies: {pipelining: true}"
				}
				out = append(out, v)
			}
			if len(out) == 0 {
				return nil, c.UnsupportedErrorf("no two exchanges in a row have a request")
			}
			return out, nil
		},
	}
}

// sendSwapped holds the conversation with the requests i and i+1 sent in the other order,
// the second without waiting for the answer to the first.
func sendSwapped(ctx context.Context, rig scenario.Rig, script *dialogue.Script, i int) error {
	conn, err := dialWatched(ctx, rig)
	if err != nil {
		return err
	}
	defer conn.Close()
	watched, stop := conn.watch(ctx, rig)
	defer stop()
	script = script.ForConnection()
	part := func(from, to int) error {
		some := *script
		some.Steps = script.Steps[from:to]
		played := some.PlayClient(watched, conn, dialogue.Options{NoEnd: true, Lenient: true})
		return playedError(watched, &some, played)
	}
	if err := part(0, i); err != nil {
		return fmt.Errorf("before the two requests: %w", err)
	}
	for _, step := range []dialogue.Step{script.Steps[i+1], script.Steps[i]} {
		if _, err := conn.Write(step.Send); err != nil {
			return err
		}
	}
	rig.ReportStruck(fmt.Sprintf("request %d was sent before request %d", i+2, i+1))
	if err := awaitBoth(watched, conn, script, i); err != nil {
		return err
	}
	if err := part(i+2, len(script.Steps)); err != nil {
		return fmt.Errorf("after request %d came before request %d: %w", i+2, i+1, err)
	}
	return nil
}

// awaitBoth waits for the answers to the requests i and i+1, in any order. Where both are
// answered and not as in the dialogue, what they mean depends on their order.
func awaitBoth(ctx context.Context, conn datagramReader, script *dialogue.Script, i int) error {
	open := slices.DeleteFunc([]int{i, i + 1}, func(n int) bool { return len(script.Steps[n].Expect) == 0 })
	stop := context.AfterFunc(ctx, func() { expireRead(conn) })
	defer stop()
	buf := make([]byte, dialogue.MaxDatagram)
	var others [][]byte
	for len(open) > len(others) {
		n, err := conn.Read(buf)
		if err != nil && ctx.Err() != nil {
			return fmt.Errorf("requests %d and %d arrived in the other order, and the answer to request %d is missing: %w", i+1, i+2, open[0]+1, context.Cause(ctx))
		}
		if err != nil {
			return err
		}
		at := slices.IndexFunc(open, func(step int) bool { return script.MatchesDatagram(step, buf[:n]) })
		if at < 0 {
			others = append(others, slices.Clone(buf[:n]))
			continue
		}
		open = slices.Delete(open, at, at+1)
	}
	if len(others) > 0 {
		return fmt.Errorf("%w: the answers to requests %d and %d depend on their order: got %q", scenario.ErrUnsupported, i+1, i+2, others)
	}
	return nil
}
