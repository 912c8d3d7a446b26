package reconnect

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/toxics/spec"
)

func refusedConnects() scenario.Scenario {
	return scenario.Scenario{
		ID:    "reconnect/refused",
		Title: "A client that is refused retries with pauses and gives up as declared",
		Rationale: "A refused connect takes microseconds. A loop without a pause makes thousands of attempts a second on the " +
			"machine that is about to start the server. A client that gives up must exit with an error.",
		Ref:   "open62541#3873, cockroach#35152, redpanda#30748; apache/storm#4944",
		Level: outcome.Must,
		Roles: scenario.ClientRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			v := persistentVariant(c, scenario.SaysRefused())
			v.AcceptMode = scenario.Refusing
			return []scenario.Variant{v}, nil
		},
	}
}

func acceptThenClose() scenario.Scenario {
	return scenario.Scenario{
		ID:    "reconnect/accept-then-close",
		Title: "A client that is accepted and closed at once retries with pauses and gives up as declared",
		Rationale: "Each connect succeeds. A client that resets its delay and its retry count after a successful connect " +
			"never slows down and never gives up.",
		Ref:   "FreeTAKTeam/LXMF-rs#493",
		Level: outcome.Must,
		Roles: scenario.ClientRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			return []scenario.Variant{thrownOut(c, "half_close")}, nil
		},
	}
}

func acceptThenReset() scenario.Scenario {
	return scenario.Scenario{
		ID:    "reconnect/accept-then-reset",
		Title: "A client whose connections are reset at once retries with pauses and gives up as declared",
		Rationale: "A server that crashes on each request, or a load balancer without a backend, resets each connection. " +
			"on('close', connect) without a pause makes thousands of connections a second from one client.",
		Ref:   "cockroach#35152",
		Level: outcome.Must,
		Roles: scenario.ClientRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			return []scenario.Variant{thrownOut(c, "reset")}, nil
		},
	}
}

// thrownOut ends each connection as soon as that can meet only one call of the
// client: a FIN lies there whenever it reads, a reset waits for its first byte,
// else it might find the connect, the send or the receive.
func thrownOut(c scenario.Case, kind string) scenario.Variant {
	fault := scenario.FaultAt(kind, event.Downstream, 0, nil)
	if kind == "reset" && !awaitsGreeting(c) {
		fault = scenario.FaultAt(kind, event.Upstream, 1, nil)
	}
	v := persistentVariant(c)
	v.Faults = []spec.Spec{fault}
	return v
}

// awaitsGreeting reports whether the client says nothing before it was greeted.
func awaitsGreeting(c scenario.Case) bool {
	script, declared := c.Conversation.Script, c.Target.Policies.Greeting
	return script != nil && len(script.Greeting) > 0 || declared != nil && *declared || c.Outgoing().ByteCount() == 0
}

// persistentVariant is a variant in which the client never gets through.
func persistentVariant(c scenario.Case, more ...scenario.Expectation) scenario.Variant {
	return scenario.Variant{
		Budget: 2*watchTime(c) + c.GiveUpTimeout(), // the client's own time is shorter
		Proof:  proveTried,
		Run: func(ctx context.Context, rig scenario.Rig) error {
			client, err := rig.StartClient(ctx)
			if err != nil {
				return err
			}
			defer client.Close()
			w, err := watchAttempts(ctx, c, client)
			if err != nil {
				return err
			}
			rig.ReportStruck(fmt.Sprintf("attempts of the client to connect: %d", len(w.Attempts.At)))
			if err := neverIn(c, w); err != nil || w.TimedOut || w.Enough {
				return err
			}
			return scenario.JudgeObservation(scenario.Observation{Case: c, Client: &w.Run}, more)
		},
		Expect: []scenario.Expectation{scenario.ExpectRunSucceeds()},
	}
}

// watchAttempts watches a client from its first attempt on: an interpreter may take a
// second to start.
func watchAttempts(ctx context.Context, c scenario.Case, client scenario.ClientUnderTest) (scenario.ClientState, error) {
	w, err := client.WatchAttempts(ctx, 0, func(a scenario.Attempts) bool { return len(a.At) > 0 })
	if err != nil || !w.Enough {
		return w, err
	}
	return client.WatchAttempts(ctx, watchTime(c), func(a scenario.Attempts) bool { return tooMany(c, a) != nil })
}

// window is for how long a client is watched that may go on forever: a rate
// wants more than a second.
const window = 1500 * time.Millisecond

// watchTime is how long a client is watched: until it must have given up, if it
// has declared that it does.
func watchTime(c scenario.Case) time.Duration {
	if c.Target.Policies.Retries > 0 {
		return c.GiveUpTimeout()
	}
	return window
}

// proveTried proves that the client has met with what was prepared for it.
func proveTried(o scenario.Observation) error {
	for _, e := range o.Events {
		if e.Kind == event.Accept || e.Kind == event.Refuse {
			return nil
		}
	}
	return errors.New("the client made no attempt to connect")
}

// tooMany returns what is wrong with the attempts, whatever follows.
func tooMany(c scenario.Case, a scenario.Attempts) error {
	if err := a.TooMany(); err != nil {
		return err
	}
	if n := c.Target.Policies.Retries; n > 0 && len(a.At) > n+1 {
		return fmt.Errorf("the client made %s to connect, but the target declares %s", plural.Count(len(a.At), "attempt"), plural.Count(n, "retry"))
	}
	return nil
}

// neverIn judges a client that never got through.
func neverIn(c scenario.Case, w scenario.ClientState) error {
	retries := c.Target.Policies.Retries
	switch err := tooMany(c, w.Attempts); {
	case err != nil:
		return err
	case w.Spins:
		return fmt.Errorf("the client spins: it uses a full CPU, with %s to connect in %v", plural.Count(len(w.Attempts.At), "attempt"), w.Elapsed.Round(time.Millisecond))
	case w.TimedOut && retries > 0 && c.Target.Policies.AnswerTimeout == 0:
		return scenario.NewUndeclared("policies: {answer_timeout: …}", "the client declares %d retries and was still running after %v and %s",
			retries, w.Elapsed.Round(time.Millisecond), w.Attempts)
	case w.TimedOut && retries > 0:
		return fmt.Errorf("the target declares %s, but the client has not given up after %v and %s: %w",
			plural.Count(retries, "retry"), w.Elapsed.Round(time.Millisecond), plural.Count(len(w.Attempts.At), "attempt"), context.DeadlineExceeded)
	case w.TimedOut:
		return nil // it may go on forever, at this rate
	case w.Exit.Signal != 0:
		return fmt.Errorf("the client was killed by %s", w.Exit.Signal)
	case w.Exit.Code == 0:
		return fmt.Errorf("the client reported success (exit status 0), although none of its attempts to connect succeeded (attempts: %d)", len(w.Attempts.At))
	case retries == scenario.RetriesForEver:
		return fmt.Errorf("the target declares endless retries, but the client %s after %s", w.Exit, plural.Count(len(w.Attempts.At), "attempt"))
	}
	return nil
}
