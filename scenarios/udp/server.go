package udp

import (
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
)

func lostAnswer() scenario.Scenario {
	return scenario.Scenario{
		ID:    "udp/lost-answer",
		Title: "A server answers again when its answer was lost and the client repeats the request",
		Rationale: "The client cannot know whether its request or the answer was lost, so it sends the same datagram again. A server " +
			"that drops a request it has seen leaves the client without an answer; one that takes it for the next request " +
			"answers the wrong one from then on.",
		Ref:   "RFC 8085 §3.1; RFC 7252 §4.5; catalogue: udp-loss",
		Level: outcome.Must,
		Roles: scenario.ServerRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			return strikeEach(c, event.Downstream, "drop", repeatable(c))
		},
	}
}

func duplicatedRequest() scenario.Scenario {
	return scenario.Scenario{
		ID:    "udp/duplicated-request",
		Title: "A request that arrives twice changes nothing for the requests after it",
		Rationale: "Networks deliver datagrams twice, and clients repeat requests whose answer is late. A server that counts " +
			"datagrams, or carries a request out twice, is out of step with its client.",
		Ref:   "RFC 8085 §3.1; RFC 768; catalogue: udp-loss",
		Level: outcome.Must,
		Roles: scenario.ServerRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			return strikeEach(c, event.Upstream, "duplicate", repeatable(c))
		},
	}
}

// repeatable expects the conversation to get through although a request came twice. Whether
// a request may be carried out twice is the protocol's choice, which a target declares.
func repeatable(c scenario.Case) scenario.Expectation {
	complete := scenario.ExpectCompletion()
	return scenario.Expectation{Name: complete.Name, Check: func(o scenario.Observation) error {
		err := complete.Check(o)
		undeclared := c.Target.Policies.Idempotent == nil
		if err == nil || !undeclared || o.Played == nil || o.Played.Mismatch == nil {
			return err
		}
		return scenario.NewUndeclared("policies: {idempotent: true} if a request may come twice without harm, or idempotent: false if the server must recognise the second",
			"a request that came twice got another answer, or changed a later one: %v", err)
	}}
}
