// Package refused checks what clients do when nobody lets them in, and that a
// server which comes back does so on its port at once.
package refused

import (
	"context"
	"fmt"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/suite"
	"github.com/sockharness/harness/toxics"
)

// Declare declares the topic's Ginkgo containers on the bench.
func Declare(b *suite.Bench) { b.Topic("refused", Scenarios()...) }

// Scenarios lists the topic's scenarios.
func Scenarios() []scenario.Scenario {
	return []scenario.Scenario{refused(), acceptThenClose(), acceptThenReset(), blackHole(), restart()}
}

func refused() scenario.Scenario {
	return scenario.Scenario{
		ID:    "refused/refused",
		Title: "A client that is refused says so and ends",
		Rationale: "ECONNREFUSED is the most common network error there is. Exit status 0 after it hides an outage from " +
			"whatever runs the client; endless retries without a pause make one worse.",
		Ref:   "connect(2); RFC 9293 §3.10.7.1",
		Level: outcome.Must,
		Roles: scenario.Clients(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			return []scenario.Variant{{
				Gate:   scenario.Refusing,
				Expect: []scenario.Expectation{scenario.ReportsFailure()},
			}}, nil
		},
	}
}

func acceptThenClose() scenario.Scenario {
	return scenario.Scenario{
		ID:    "refused/accept-then-close",
		Title: "A client whose connection is accepted and closed at once says so and ends",
		Rationale: "A load balancer without a backend, or a server at its limit, accepts and closes. connect succeeded; the " +
			"conversation has not taken place.",
		Ref:      "nim-lang/redis#47",
		Level:    outcome.Must,
		Roles:    scenario.Clients(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) { return atOnce("vanish"), nil },
	}
}

func acceptThenReset() scenario.Scenario {
	return scenario.Scenario{
		ID:    "refused/accept-then-reset",
		Title: "A client whose connection is accepted and reset at once says so and ends",
		Rationale: "A server that crashed after accept, or an overloaded one that aborts, resets. The client meets ECONNRESET " +
			"or EPIPE in its first read or write.",
		Ref:      "RFC 9293 §3.10.7; psf/requests#2833",
		Level:    outcome.Must,
		Roles:    scenario.Clients(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) { return atOnce("reset"), nil },
	}
}

func atOnce(kind string) []scenario.Variant {
	return []scenario.Variant{{
		Faults: []toxics.Spec{scenario.Strike(kind, event.Downstream, 0, nil)},
		Expect: []scenario.Expectation{scenario.ReportsFailure()},
	}}
}

func blackHole() scenario.Scenario {
	return scenario.Scenario{
		ID:    "refused/black-hole",
		Title: "A client whose connect is not answered gives up within its limit",
		Rationale: "A host that is down or a firewall that drops answers nothing; the system's own limit is over two minutes. " +
			"A client that declares answer_timeout must be done by then.",
		Ref:   "connect(2) ETIMEDOUT, tcp(7) tcp_syn_retries; commonwarexyz/monorepo#4175, http4s#2338",
		Level: outcome.Must,
		Roles: scenario.Clients(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			level := outcome.Must
			if c.Target.Policies.AnswerTimeout == 0 {
				level = outcome.Info
			}
			return []scenario.Variant{{
				Gate:   scenario.BlackHoled,
				Level:  level,
				Expect: []scenario.Expectation{scenario.ReportsFailure()},
			}}, nil
		},
	}
}

func restart() scenario.Scenario {
	return scenario.Scenario{
		ID:    "refused/restart",
		Title: "A server that is stopped while a client is connected listens on the same port again at once",
		Rationale: "The side that closes first keeps the address in TIME_WAIT. Without SO_REUSEADDR the restarted server " +
			"cannot bind for a minute: an outage at every deployment.",
		Ref:   "socket(7) SO_REUSEADDR; RFC 9293 §3.6.1; ytyou/ticktock#44, open62541#6463",
		Level: outcome.Must,
		Roles: scenario.Servers(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			if len(c.Target.Server.Command) == 0 {
				return nil, c.Unsupported("only a process of ours can be restarted")
			}
			if c.Conversation.Script == nil {
				return nil, c.Unsupported("without a dialogue nobody can tell that the server answers again")
			}
			return []scenario.Variant{{
				Budget: 5 * c.Budget, // stopping and starting are not what is timed here
				Act:    stopAndStart,
				Expect: []scenario.Expectation{scenario.Acts()},
			}}, nil
		},
	}
}

// stopAndStart restarts the server while a client is connected to it, so that
// the server closes first.
func stopAndStart(ctx context.Context, rig scenario.Rig) error {
	if _, err := rig.Converse(ctx); err != nil {
		return fmt.Errorf("before the restart: %w", err)
	}
	conn, err := rig.Dial(ctx)
	if err != nil {
		return fmt.Errorf("before the restart: %w", err)
	}
	defer conn.Close()
	if _, err := rig.AwaitAccepted(ctx, conn); err != nil {
		return fmt.Errorf("before the restart: %w", err)
	}
	rig.Struck("stopped with a client connected")
	return rig.Restart(ctx)
}
