// Package shutdown checks how a server ends when it is asked to, and how it
// starts again: with work in flight, with clients that say nothing, on a port
// that was in use or still is.
package shutdown

import (
	"context"
	"time"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
)

// Scenarios lists the topic's scenarios.
func Scenarios() []scenario.Scenario {
	return []scenario.Scenario{inFlight(), noNewConnections(), idlePeers(), exitStatus(), restart(), portTaken(), harmlessSignals()}
}

// requireProcess returns an error unless the server is a process of ours.
func requireProcess(c scenario.Case) error {
	if len(c.Target.Server.Command) == 0 {
		return c.UnsupportedErrorf("the harness did not start the server, so it cannot send it signals; give a command instead of an address")
	}
	return nil
}

// requireDialogue returns an error unless the server is a process of ours and there
// is a request to ask it.
func requireDialogue(c scenario.Case) error {
	if err := requireProcess(c); err != nil {
		return err
	}
	if c.Conversation.Script == nil {
		return c.UnsupportedErrorf("the target has no dialogue, so the harness has no request to send; add a dialogue")
	}
	return nil
}

// owedLevel is the level of what a server owes to those who were connected when it was
// asked to end: nothing, unless it has said so.
func owedLevel(c scenario.Case) outcome.Level {
	if c.Target.Policies.Stop == scenario.StopDrains {
		return outcome.Must
	}
	return outcome.Info
}

// declaredLevel is the level of what any declared way to stop includes.
func declaredLevel(c scenario.Case) outcome.Level {
	if c.Target.Policies.Stop == scenario.StopUndeclared {
		return outcome.Should
	}
	return outcome.Must
}

// actVariant is the variant of an act that must succeed.
func actVariant(c scenario.Case, v scenario.Variant) scenario.Variant {
	v.Budget = 2 * c.Budget // ending and starting are not what is timed
	v.Proof = scenario.ActStruck
	v.Expect = []scenario.Expectation{scenario.ExpectRunSucceeds()}
	if c.Target.Policies.Stop == scenario.StopUndeclared && v.Level != "" {
		v.Declare = "policies: {stop: drain}"
	}
	return v
}

// settling is how long a server may be busy before it is taken for one that
// never sleeps.
const settling = 500 * time.Millisecond

// awaitSleep blocks until the server sleeps, so that what follows meets it where it
// waits, and not on its way there. One that never sleeps is met somewhere.
func awaitSleep(ctx context.Context, rig scenario.KernelRig) error {
	limited, cancel := context.WithTimeout(ctx, settling)
	defer cancel()
	if err := rig.AwaitAsleep(limited); err != nil && limited.Err() == nil {
		return err
	}
	return ctx.Err()
}
