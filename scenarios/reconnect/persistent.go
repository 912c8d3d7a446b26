package reconnect

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/toxics"
)

// stormy is how many attempts within a second are too many. A few quick ones,
// and then a pause, stay below.
const stormy = 20

func refused() scenario.Scenario {
	return scenario.Scenario{
		ID:    "reconnect/refused",
		Title: "A client that nobody lets in tries again in moderation, and gives up as it has declared",
		Rationale: "A refused connect costs microseconds: a loop without a pause makes thousands of them a second, on the " +
			"machine that is about to start the server. And whoever gives up says so by the exit status.",
		Ref:   "open62541#3873, cockroach#35152, redpanda#30748; apache/storm#4944",
		Level: outcome.Must,
		Roles: scenario.Clients(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			v := persistent(c, scenario.SaysRefused())
			v.Gate = scenario.Refusing
			return []scenario.Variant{v}, nil
		},
	}
}

func acceptThenClose() scenario.Scenario {
	return scenario.Scenario{
		ID:    "reconnect/accept-then-close",
		Title: "A client that is let in and thrown out at once tries again in moderation, and gives up as it has declared",
		Rationale: "The connect succeeds each time: a client that takes that for the end of its troubles starts its delay and its " +
			"count of retries anew, and so never slows down and never gives up.",
		Ref:   "FreeTAKTeam/LXMF-rs#493",
		Level: outcome.Must,
		Roles: scenario.Clients(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			return []scenario.Variant{thrownOut(c, "half_close")}, nil
		},
	}
}

func acceptThenReset() scenario.Scenario {
	return scenario.Scenario{
		ID:    "reconnect/accept-then-reset",
		Title: "A client whose connections are reset at once tries again in moderation, and gives up as it has declared",
		Rationale: "A server that crashes on each request, or a balancer without a backend. on('close', connect) without a pause " +
			"makes thousands of connections a second out of one client.",
		Ref:   "cockroach#35152",
		Level: outcome.Must,
		Roles: scenario.Clients(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			return []scenario.Variant{thrownOut(c, "reset")}, nil
		},
	}
}

// thrownOut ends each connection as soon as that can meet only one call of the
// client: a FIN lies there whenever it reads, a reset waits for its first byte,
// else it might find the connect, the send or the receive.
func thrownOut(c scenario.Case, kind string) scenario.Variant {
	fault := scenario.Strike(kind, event.Downstream, 0, nil)
	if kind == "reset" && !greets(c) {
		fault = scenario.Strike(kind, event.Upstream, 1, nil)
	}
	v := persistent(c)
	v.Faults = []toxics.Spec{fault}
	return v
}

// greets reports whether the client says nothing before it was greeted.
func greets(c scenario.Case) bool {
	script, declared := c.Conversation.Script, c.Target.Policies.Greeting
	return script != nil && len(script.Greeting) > 0 || declared != nil && *declared || c.From().Len() == 0
}

// persistent is a variant in which the client never gets through.
func persistent(c scenario.Case, more ...scenario.Expectation) scenario.Variant {
	return scenario.Variant{
		Budget: 2 * patience(c), // the client's own time is shorter
		Proof:  tried,
		Act: func(ctx context.Context, rig scenario.Rig) error {
			client, err := rig.StartClient(ctx)
			if err != nil {
				return err
			}
			defer client.Close()
			w, err := client.Watch(ctx, patience(c), func(a scenario.Attempts) bool { return tooMany(c, a) != nil })
			if err != nil {
				return err
			}
			rig.Struck(fmt.Sprintf("%d attempts to connect", len(w.Attempts.At)))
			if err := neverIn(c, w); err != nil || w.HungUp || w.Enough {
				return err
			}
			return scenario.Judge(scenario.Observation{Case: c, Client: &w.Run}, more)
		},
		Expect: []scenario.Expectation{scenario.Acts()},
	}
}

// window is for how long a client is watched that may go on for ever: a rate
// wants more than a second.
const window = 1500 * time.Millisecond

// patience is how long a client is watched: until it must have given up, if it
// has declared that it does.
func patience(c scenario.Case) time.Duration {
	if c.Target.Policies.Retries > 0 {
		return c.Patience()
	}
	return window
}

// tried proves that the client has met with what was prepared for it.
func tried(o scenario.Observation) error {
	for _, e := range o.Events {
		if e.Kind == event.Accept || e.Kind == event.Refuse {
			return nil
		}
	}
	return errors.New("the client has not tried to connect")
}

// tooMany returns what is wrong with the attempts, whatever follows.
func tooMany(c scenario.Case, a scenario.Attempts) error {
	if n := a.Fastest(); n > stormy {
		return fmt.Errorf("the client storms: %d attempts to connect within a second, %d is too many", n, stormy)
	}
	if n := c.Target.Policies.Retries; n > 0 && len(a.At) > n+1 {
		return fmt.Errorf("the client has made %d attempts to connect and declares %d retries", len(a.At), n)
	}
	return nil
}

// neverIn judges a client that never got through.
func neverIn(c scenario.Case, w scenario.Watched) error {
	retries := c.Target.Policies.Retries
	switch err := tooMany(c, w.Attempts); {
	case err != nil:
		return err
	case w.Spins:
		return fmt.Errorf("the client spins: it keeps a processor busy, %d attempts to connect were seen in %v", len(w.Attempts.At), w.Elapsed.Round(time.Millisecond))
	case w.HungUp && retries > 0:
		return fmt.Errorf("the client declares %d retries and has not given up after %v and %d attempts: %w",
			retries, w.Elapsed.Round(time.Millisecond), len(w.Attempts.At), context.DeadlineExceeded)
	case w.HungUp:
		return nil // it may go on for ever, at this rate
	case w.Exit.Signal != 0:
		return fmt.Errorf("the client was killed by %s", w.Exit.Signal)
	case w.Exit.Code == 0:
		return fmt.Errorf("the client reported success (exit status 0) after %d attempts to connect, none of which got it through", len(w.Attempts.At))
	case retries == scenario.RetriesForEver:
		return fmt.Errorf("the client declares that it retries for ever and %s after %d attempts", w.Exit, len(w.Attempts.At))
	}
	return nil
}
