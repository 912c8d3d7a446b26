// Package shutdown checks how a server ends when it is asked to, and how it
// starts again: with work in flight, with clients that say nothing, on a port
// that was in use or still is.
package shutdown

import (
	"context"
	"time"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/suite"
)

// Declare declares the topic's Ginkgo containers on the bench.
func Declare(b *suite.Bench) { b.Topic("shutdown", Scenarios()...) }

// Scenarios lists the topic's scenarios.
func Scenarios() []scenario.Scenario {
	return []scenario.Scenario{inFlight(), noNewConnections(), idlePeers(), exitStatus(), restart(), portTaken(), signals()}
}

// process returns an error unless the server is a process of ours.
func process(c scenario.Case) error {
	if len(c.Target.Server.Command) == 0 {
		return c.Unsupported("only a process of ours can be sent signals")
	}
	return nil
}

// dialogued returns an error unless the server is a process of ours and there
// is a request to ask it.
func dialogued(c scenario.Case) error {
	if err := process(c); err != nil {
		return err
	}
	if c.Conversation.Script == nil {
		return c.Unsupported("without a dialogue nobody knows what to ask the server")
	}
	return nil
}

// owed is the level of what a server owes to those who were connected when it was
// asked to end: nothing, unless it has said so.
func owed(c scenario.Case) outcome.Level {
	if c.Target.Policies.Stop == scenario.StopDrains {
		return outcome.Must
	}
	return outcome.Info
}

// declared is the level of what any declared way to stop includes.
func declared(c scenario.Case) outcome.Level {
	if c.Target.Policies.Stop == scenario.StopUndeclared {
		return outcome.Should
	}
	return outcome.Must
}

// acting is the variant of an act that must succeed.
func acting(c scenario.Case, v scenario.Variant) scenario.Variant {
	v.Budget = 2 * c.Budget // ending and starting are not what is timed
	v.Proof = scenario.ActStruck
	v.Expect = []scenario.Expectation{scenario.Acts()}
	return v
}

// settling is how long a server may be busy before it is taken for one that
// never sleeps.
const settling = 500 * time.Millisecond

// asleep blocks until the server sleeps, so that what follows meets it where it
// waits, and not on its way there. One that never sleeps is met somewhere.
func asleep(ctx context.Context, rig scenario.Rig) error {
	limited, cancel := context.WithTimeout(ctx, settling)
	defer cancel()
	if err := rig.AwaitAsleep(limited); err != nil && limited.Err() == nil {
		return err
	}
	return ctx.Err()
}
