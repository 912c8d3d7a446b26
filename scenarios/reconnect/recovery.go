package reconnect

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

// downFor is how many attempts a server is down, and how long where the system
// does not tell of them.
const (
	downFor  = 3
	downTime = 300 * time.Millisecond
)

func lateServer() scenario.Scenario {
	return scenario.Scenario{
		ID:    "reconnect/late",
		Title: "A client that retries succeeds once the server is up",
		Rationale: "Services start in any order. A client that declares retries must survive a short time of refused " +
			"connects. A client that declares none may fail at once, and must then report the error.",
		Ref:   "TritonDataCenter/node-manta#170",
		Level: outcome.Must,
		Roles: scenario.ClientRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			expect := scenario.FailsOrRecovers()
			if n := c.Target.Policies.Retries; n < 0 || n >= downFor {
				expect = scenario.ExpectCompletion()
			}
			return []scenario.Variant{{
				AcceptMode: scenario.Refusing,
				Budget:     2*c.GiveUpTimeout() + downTime,
				Proof:      proveTried,
				Run: func(ctx context.Context, rig scenario.Rig) error {
					client, err := rig.StartClient(ctx)
					if err != nil {
						return err
					}
					defer client.Close()
					return upAfter(ctx, c, rig, client, expect)
				},
				Expect: []scenario.Expectation{scenario.ExpectRunSucceeds()},
			}}, nil
		},
	}
}

// upAfter lets the client in after some attempts, and judges it by its end.
func upAfter(ctx context.Context, c scenario.Case, rig scenario.Rig, client scenario.ClientUnderTest, expect scenario.Expectation) error {
	w, err := watchDown(ctx, client)
	if err != nil {
		return err
	}
	rig.ReportStruck(fmt.Sprintf("the server was down for %s to connect", plural.Count(len(w.Attempts.At), "attempt")))
	if err := rig.SetAcceptMode(scenario.Accepting); err != nil {
		return err
	}
	if w.Enough || w.TimedOut {
		if w, err = client.WatchAttempts(ctx, 0, nil); err != nil {
			return err
		}
	}
	return judgeEnd(c, w, expect)
}

// watchDown watches the client until it was refused so often, or has given up.
func watchDown(ctx context.Context, client scenario.ClientUnderTest) (scenario.ClientState, error) {
	longest := downTime
	if client.ConnectAttempts().Exact {
		longest = 0 // as long as it takes
	}
	already := len(client.ConnectAttempts().At)
	return client.WatchAttempts(ctx, longest, func(a scenario.Attempts) bool { return a.Exact && len(a.At) >= already+downFor })
}

// judgeEnd judges a client by how it has ended.
func judgeEnd(c scenario.Case, w scenario.ClientState, expect scenario.Expectation) error {
	err := expect.Check(scenario.Observation{Case: c, Client: &w.Run, Connections: w.Attempts.Accepted, Attempts: w.Attempts})
	if err != nil && w.TimedOut && w.Stuck == "" && !w.Spins {
		return fmt.Errorf("%w: %w", err, context.DeadlineExceeded)
	}
	return err
}

func comesAndGoes() scenario.Scenario {
	return scenario.Scenario{
		ID: "reconnect/comes-and-goes",
		Title: "A client whose server restarts in the middle of an answer completes the conversation or exits with an " +
			"error",
		Rationale: "The server restarts: it is up, goes down in the middle of an answer, refuses, and is up again. State of " +
			"the first connection (half an answer in a buffer, lines already printed) corrupts the second try, and the " +
			"client exits 0.",
		Ref:   "catalogue: exit-code-lies, resend-on-same-connection",
		Level: outcome.Must,
		Roles: scenario.ClientRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			at, err := middleOfReply(c)
			if err != nil {
				return nil, err
			}
			cut := scenario.FaultAt("reset", event.Downstream, at, nil)
			cut.Connection = 1
			return []scenario.Variant{{
				Faults: []spec.Spec{cut},
				Budget: 3*c.GiveUpTimeout() + downTime,
				Run:    func(ctx context.Context, rig scenario.Rig) error { return goAndCome(ctx, c, rig) },
				Expect: []scenario.Expectation{scenario.ExpectRunSucceeds()},
			}}, nil
		},
	}
}

// middleOfReply is the middle of the second answer, or of the only one.
func middleOfReply(c scenario.Case) (int64, error) {
	if err := requireRetries(c); err != nil {
		return 0, err
	}
	s := c.Incoming()
	answers := s.SpokenExchanges()
	if c.UntilEOF() || len(answers) == 0 {
		return 0, c.UnsupportedErrorf("the target has no dialogue, so the harness does not know where an answer ends; add a dialogue")
	}
	from, to := s.ExchangeRange(answers[min(1, len(answers)-1)])
	return from + (to-from)/2, nil
}

func goAndCome(ctx context.Context, c scenario.Case, rig scenario.Rig) error {
	client, err := rig.StartClient(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	w, err := client.WatchAttempts(ctx, 0, func(a scenario.Attempts) bool { return a.Accepted > 0 })
	if err != nil {
		return err
	}
	if w.Enough {
		// The first connection lives on, and meets its fault.
		if err := rig.SetAcceptMode(scenario.Refusing); err != nil {
			return err
		}
		return upAfter(ctx, c, rig, client, scenario.FailsOrRecovers())
	}
	return judgeEnd(c, w, scenario.FailsOrRecovers())
}

func duplicateRequests() scenario.Scenario {
	return scenario.Scenario{
		ID:    "reconnect/duplicates",
		Title: "A client does not resend a request that the server has received completely",
		Rationale: "The connection is lost after the request and before the answer, so the client cannot know whether the " +
			"request was executed. A client that resends it may pay twice. Only idempotent requests may be resent.",
		Ref:   "RFC 9110 §9.2.2; InsForge#1813, gatling/gatling#3609",
		Level: outcome.Must,
		Roles: scenario.ClientRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			requests, idempotent := c.Outgoing().SpokenExchanges(), c.Target.Policies.Idempotent
			switch {
			case c.Conversation.Script == nil || len(requests) == 0 || c.UntilEOF():
				return nil, c.UnsupportedErrorf("the target has no dialogue, so the harness does not know where a request ends; add a dialogue")
			case idempotent != nil && *idempotent:
				return nil, c.UnsupportedErrorf("the target declares idempotent: true")
			}
			_, end := c.Outgoing().ExchangeRange(requests[0])
			cut := scenario.FaultAt("reset", event.Upstream, end, nil)
			cut.Connection = 1
			v := scenario.Variant{
				Faults: []spec.Spec{cut},
				Expect: []scenario.Expectation{scenario.AsksOnce(end), scenario.FailsOrRecovers()},
			}
			if idempotent == nil {
				v.Level, v.Declare = outcome.Info, "policies: {idempotent: false}"
			}
			return []scenario.Variant{v}, nil
		},
	}
}
