// Package refused checks what clients do when nobody lets them in, and that a
// server which comes back does so on its port at once.
package refused

import (
	"context"
	"fmt"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/toxics/spec"
)

// Scenarios lists the topic's scenarios.
func Scenarios() []scenario.Scenario {
	return append([]scenario.Scenario{refusedConnect(), acceptThenClose(), acceptThenReset(), blackHole(), connectFails(), connectSlow(), secondAddress(), restartServer()},
		nameScenarios()...)
}

func refusedConnect() scenario.Scenario {
	return scenario.Scenario{
		ID:    "refused/refused",
		Title: "A client that is refused reports it and exits",
		Rationale: "ECONNREFUSED is the most common network error. A client that exits 0 after it hides an outage from its " +
			"caller. A client that retries endlessly without a pause makes an outage worse.",
		Ref:   "connect(2); RFC 9293 §3.10.7.1",
		Level: outcome.Must,
		Roles: scenario.ClientRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			return []scenario.Variant{{
				AcceptMode: scenario.Refusing,
				Expect:     []scenario.Expectation{scenario.ReportsFailure()},
			}}, nil
		},
	}
}

func acceptThenClose() scenario.Scenario {
	return scenario.Scenario{
		ID:    "refused/accept-then-close",
		Title: "A client whose connection is accepted and closed at once reports it and exits",
		Rationale: "A load balancer without a backend, or a server at its connection limit, accepts and closes. connect has " +
			"succeeded, but no request was answered.",
		Ref:      "nim-lang/redis#47",
		Level:    outcome.Must,
		Roles:    scenario.ClientRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) { return atOnce("vanish"), nil },
	}
}

func acceptThenReset() scenario.Scenario {
	return scenario.Scenario{
		ID:    "refused/accept-then-reset",
		Title: "A client whose connection is accepted and reset at once reports it and exits",
		Rationale: "A server that crashes after accept, or aborts because of overload, resets the connection. The client gets " +
			"ECONNRESET or EPIPE from its first read or write.",
		Ref:      "RFC 9293 §3.10.7; psf/requests#2833",
		Level:    outcome.Must,
		Roles:    scenario.ClientRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) { return atOnce("reset"), nil },
	}
}

func atOnce(kind string) []scenario.Variant {
	return []scenario.Variant{{
		Faults: []spec.Spec{scenario.FaultAt(kind, event.Downstream, 0, nil)},
		Expect: []scenario.Expectation{scenario.ReportsFailure()},
	}}
}

func blackHole() scenario.Scenario {
	return scenario.Scenario{
		ID:    "refused/black-hole",
		Title: "A client whose connect gets no answer gives up within its limit",
		Rationale: "A host that is down, or a firewall that drops packets, sends no answer. The limit of the operating system " +
			"is more than two minutes. A client that declares answer_timeout must give up within that time.",
		Ref:   "connect(2) ETIMEDOUT, tcp(7) tcp_syn_retries; commonwarexyz/monorepo#4175, http4s#2338",
		Level: outcome.Must,
		Roles: scenario.ClientRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			level, declare := outcome.Must, ""
			if c.Target.Policies.AnswerTimeout == 0 {
				level, declare = outcome.Info, "policies: {answer_timeout: 3s}, with the client's own limit"
			}
			return []scenario.Variant{{
				AcceptMode: scenario.BlackHoled,
				Level:      level,
				Declare:    declare,
				Expect:     []scenario.Expectation{scenario.ReportsFailure()},
			}}, nil
		},
	}
}

func restartServer() scenario.Scenario {
	return scenario.Scenario{
		ID:    "refused/restart",
		Title: "A server that is stopped while a client is connected can listen on the same port again at once",
		Rationale: "The side that closes first keeps the address in TIME_WAIT. Without SO_REUSEADDR the restarted server " +
			"cannot bind for a minute, and every deployment is an outage.",
		Ref:   "socket(7) SO_REUSEADDR; RFC 9293 §3.6.1; ytyou/ticktock#44, open62541#6463",
		Level: outcome.Must,
		Roles: scenario.ServerRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			if len(c.Target.Server.Command) == 0 {
				return nil, c.UnsupportedErrorf("the harness did not start the server, so it cannot restart it; give a command instead of an address")
			}
			if c.Conversation.Script == nil {
				return nil, c.UnsupportedErrorf("the target has no dialogue, so the harness cannot check that the server answers again; add a dialogue")
			}
			return []scenario.Variant{{
				Budget: 5 * c.Budget, // stopping and starting are not what is timed here
				Run:    stopAndStart,
				Expect: []scenario.Expectation{scenario.ExpectRunSucceeds()},
			}}, nil
		},
	}
}

// stopAndStart restarts the server while a client is connected to it, so that
// the server closes first.
func stopAndStart(ctx context.Context, rig scenario.Rig) error {
	if _, err := rig.RunConversation(ctx); err != nil {
		return fmt.Errorf("before the restart: %w", err)
	}
	conn, err := rig.DialServer(ctx)
	if err != nil {
		return fmt.Errorf("before the restart: %w", err)
	}
	defer conn.Close()
	if _, err := rig.AwaitAccepted(ctx, conn); err != nil {
		return fmt.Errorf("before the restart: %w", err)
	}
	rig.ReportStruck("the server was stopped while a client was connected")
	return rig.RestartServer(ctx)
}
