// Package udp checks clients and servers of datagrams: what is lost, comes twice, in another
// order, cut, empty or from a stranger, and a port that nobody listens on.
package udp

import (
	"context"
	"fmt"
	"slices"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/toxics/spec"
)

// Scenarios lists the topic's scenarios.
func Scenarios() []scenario.Scenario {
	all := slices.Concat(serverScenarios(), clientScenarios())
	for i := range all {
		all[i].Transports = []scenario.Transport{scenario.UDP}
	}
	return all
}

func serverScenarios() []scenario.Scenario {
	return []scenario.Scenario{lostAnswer(), duplicatedRequest(), reorderedRequests(), truncatedRequest(), longRequest(),
		emptyDatagram(), badDatagram(), clientGone(), twoClients(), answerSource()}
}

func clientScenarios() []scenario.Scenario {
	return []scenario.Scenario{lostRequest(), lostReply(), silence(), duplicatedReply(), truncatedReply(), emptyReply(), longReply(),
		wrongSource(), wrongID(), refused()}
}

// maxSteps is how many exchanges of a dialogue a sweep strikes.
const maxSteps = 12

// answeredSteps returns the exchanges, from 0, that have a request and a reply. Without one
// the scenario is unsupported.
func answeredSteps(c scenario.Case) (steps []int, err error) {
	if c.Conversation.Script == nil {
		return nil, errNoReply(c)
	}
	for i, s := range c.Conversation.Script.Steps {
		if (len(s.Send) > 0 || s.Receive != nil) && len(s.Expect) > 0 && len(steps) < maxSteps {
			steps = append(steps, i)
		}
	}
	if len(steps) == 0 {
		return nil, errNoReply(c)
	}
	return steps, nil
}

// errNoReply is for a dialogue in which nothing is answered.
func errNoReply(c scenario.Case) error {
	return c.UnsupportedErrorf("no exchange of the dialogue has a request and a reply")
}

// strikeEach returns a variant for each exchange that is answered, with a fault that strikes
// its request or its reply alone.
func strikeEach(c scenario.Case, d event.Direction, kind string, expect ...scenario.Expectation) ([]scenario.Variant, error) {
	steps, err := answeredSteps(c)
	if err != nil {
		return nil, err
	}
	var out []scenario.Variant
	for _, i := range steps {
		out = append(out, scenario.Variant{Name: fmt.Sprintf("exchange=%d", i+1), Expect: expect,
			Faults: []spec.Spec{fault(kind, d, datagramOf(c, d, i))}})
	}
	return out, nil
}

// datagramOf returns the number, from 1, of an exchange's datagram in a direction, where
// nothing is lost before.
func datagramOf(c scenario.Case, d event.Direction, step int) int {
	n := 0
	for _, s := range c.Conversation.Script.Steps[:step+1] {
		sends, replies := len(s.Send) > 0 || s.Receive != nil, len(s.Expect) > 0
		if d == event.Upstream && sends || d == event.Downstream && replies {
			n++
		}
	}
	return n
}

// fault strikes the n-th datagram of a direction.
func fault(kind string, d event.Direction, n int) spec.Spec {
	return spec.Spec{Name: kind + "_" + d.String(), Type: kind, Direction: d, Attributes: map[string]any{"only": true}, At: spec.Trigger{Segment: n}}
}

// act returns a variant that plays the client of its own accord.
func act(c scenario.Case, name string, run func(context.Context, scenario.Rig) error) scenario.Variant {
	return scenario.ActVariant(name, 2*c.Budget, run)
}

// firstAct returns the variant of an act with the first exchange that is answered.
func firstAct(c scenario.Case, run func(ctx context.Context, rig scenario.Rig, script *dialogue.Script, step int) error) ([]scenario.Variant, error) {
	steps, err := answeredSteps(c)
	if err != nil {
		return nil, err
	}
	return []scenario.Variant{act(c, "", func(ctx context.Context, rig scenario.Rig) error {
		return run(ctx, rig, c.Conversation.Script, steps[0])
	})}, nil
}

// playLenient holds the script on a fresh socket, and leaves what does not fit.
func playLenient(ctx context.Context, rig scenario.Rig, script *dialogue.Script) error {
	conn, err := dialWatched(ctx, rig)
	if err != nil {
		return err
	}
	defer conn.Close()
	watched, stop := conn.watch(ctx, rig)
	defer stop()
	return playedError(watched, script, script.PlayClient(watched, conn, dialogue.Options{Lenient: true}))
}

// playedError tells why a conversation did not get through; nil where it did.
func playedError(ctx context.Context, script *dialogue.Script, played dialogue.Played) error {
	switch {
	case played.Steps >= len(script.Steps):
		return nil
	case played.Mismatch != nil:
		return played.Mismatch
	case ctx.Err() != nil:
		return fmt.Errorf("exchange %d has no reply: %w", played.Steps+1, context.Cause(ctx))
	}
	return played.Err()
}
