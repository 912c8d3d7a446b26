package reconnect

import (
	"context"
	"fmt"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/toxics"
)

// downFor is how many attempts a server is down, and how long where the system
// does not tell of them.
const (
	downFor  = 3
	downTime = 300 * time.Millisecond
)

func late() scenario.Scenario {
	return scenario.Scenario{
		ID:    "reconnect/late",
		Title: "A client that retries gets through once the server is up",
		Rationale: "Services start in any order. A client that declares retries must come through a short refusal; one that " +
			"declares none may fail at once, and must then say so.",
		Ref:   "TritonDataCenter/node-manta#170",
		Level: outcome.Must,
		Roles: scenario.Clients(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			expect := scenario.FailsOrRecovers()
			if n := c.Target.Policies.Retries; n < 0 || n >= downFor {
				expect = scenario.Completes()
			}
			return []scenario.Variant{{
				Gate:   scenario.Refusing,
				Budget: 2*c.Patience() + downTime,
				Proof:  tried,
				Act: func(ctx context.Context, rig scenario.Rig) error {
					client, err := rig.StartClient(ctx)
					if err != nil {
						return err
					}
					defer client.Close()
					return upAfter(ctx, c, rig, client, expect)
				},
				Expect: []scenario.Expectation{scenario.Acts()},
			}}, nil
		},
	}
}

// upAfter lets the client in after some attempts, and judges it by its end.
func upAfter(ctx context.Context, c scenario.Case, rig scenario.Rig, client scenario.Subject, expect scenario.Expectation) error {
	w, err := down(ctx, client)
	if err != nil {
		return err
	}
	rig.Struck(fmt.Sprintf("down for %d attempts to connect", len(w.Attempts.At)))
	if err := rig.Turn(scenario.Accepting); err != nil {
		return err
	}
	if w.Enough || w.HungUp {
		if w, err = client.Watch(ctx, 0, nil); err != nil {
			return err
		}
	}
	return end(c, w, expect)
}

// down watches the client until it was refused so often, or has given up.
func down(ctx context.Context, client scenario.Subject) (scenario.Watched, error) {
	longest := downTime
	if client.Attempts().Exact {
		longest = 0 // as long as it takes
	}
	already := len(client.Attempts().At)
	return client.Watch(ctx, longest, func(a scenario.Attempts) bool { return a.Exact && len(a.At) >= already+downFor })
}

// end judges a client by how it has ended.
func end(c scenario.Case, w scenario.Watched, expect scenario.Expectation) error {
	err := expect.Check(scenario.Observation{Case: c, Client: &w.Run, Connections: w.Attempts.Accepted})
	if err != nil && w.HungUp && w.Stuck == "" && !w.Spins {
		return fmt.Errorf("%w: %w", err, context.DeadlineExceeded)
	}
	return err
}

func comesAndGoes() scenario.Scenario {
	return scenario.Scenario{
		ID:    "reconnect/comes-and-goes",
		Title: "A client whose server goes away in the middle and comes back ends as without that, or says that it failed",
		Rationale: "Up, down in the middle of an answer, refused, up again: a restart. What the first connection left behind (half " +
			"an answer in a buffer, lines that are printed already) spoils the second try, and the exit status is 0.",
		Ref:   "catalogue: exit-code-lies, resend-on-same-connection",
		Level: outcome.Must,
		Roles: scenario.Clients(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			at, err := halfway(c)
			if err != nil {
				return nil, err
			}
			cut := scenario.Strike("reset", event.Downstream, at, nil)
			cut.Connection = 1
			return []scenario.Variant{{
				Faults: []toxics.Spec{cut},
				Budget: 3*c.Patience() + downTime,
				Act:    func(ctx context.Context, rig scenario.Rig) error { return goAndCome(ctx, c, rig) },
				Expect: []scenario.Expectation{scenario.Acts()},
			}}, nil
		},
	}
}

// halfway is the middle of the second answer, or of the only one.
func halfway(c scenario.Case) (int64, error) {
	if err := retrying(c); err != nil {
		return 0, err
	}
	s := c.Toward()
	if c.UntilEOF() || len(s.Ends) == 0 {
		return 0, c.Unsupported("nobody knows where an answer ends")
	}
	i := min(1, len(s.Ends)-1)
	from := s.Starts()[i]
	return from + (s.Ends[i]-from)/2, nil
}

func goAndCome(ctx context.Context, c scenario.Case, rig scenario.Rig) error {
	client, err := rig.StartClient(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	w, err := client.Watch(ctx, 0, func(a scenario.Attempts) bool { return a.Accepted > 0 })
	if err != nil {
		return err
	}
	if w.Enough {
		// The first connection lives on, and meets its fault.
		if err := rig.Turn(scenario.Refusing); err != nil {
			return err
		}
		return upAfter(ctx, c, rig, client, scenario.FailsOrRecovers())
	}
	return end(c, w, scenario.FailsOrRecovers())
}

func duplicates() scenario.Scenario {
	return scenario.Scenario{
		ID:    "reconnect/duplicates",
		Title: "A request that the server has got whole is not sent again",
		Rationale: "The connection is lost after the request and before the answer: nobody knows whether it was carried out. A client " +
			"that simply asks again pays twice. Only what is idempotent may be repeated without asking.",
		Ref:   "RFC 9110 §9.2.2; InsForge#1813, gatling/gatling#3609",
		Level: outcome.Must,
		Roles: scenario.Clients(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			ends, idempotent := c.From().Ends, c.Target.Policies.Idempotent
			switch {
			case c.Conversation.Script == nil || len(ends) == 0 || c.UntilEOF():
				return nil, c.Unsupported("without a dialogue nobody knows where a request ends")
			case idempotent != nil && *idempotent:
				return nil, c.Unsupported("the target declares its requests idempotent")
			}
			cut := scenario.Strike("reset", event.Upstream, ends[0], nil)
			cut.Connection = 1
			v := scenario.Variant{
				Faults: []toxics.Spec{cut},
				Expect: []scenario.Expectation{scenario.AsksOnce(ends[0]), scenario.FailsOrRecovers()},
			}
			if idempotent == nil {
				v.Level = outcome.Info
			}
			return []scenario.Variant{v}, nil
		},
	}
}
