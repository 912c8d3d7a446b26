// Package liveness checks that one client does not keep another from being
// served: a slow or silent one, many of them, more than there is room for, and
// those that are gone before they are let in.
package liveness

import (
	"context"
	"errors"
	"fmt"

	"github.com/sockharness/harness/harness/scenario"
)

// Scenarios lists the topic's scenarios.
func Scenarios() []scenario.Scenario {
	return []scenario.Scenario{silentClients(), halfRequest(), idleCrowd(), slowReader(), crossTalk(), fullBacklog(), resetInQueue(), unreadMemory(), descriptorLimit()}
}

// actVariant is one that acts, and whose act has struck or was for nothing.
func actVariant(name string, act func(context.Context, scenario.Rig) error) scenario.Variant {
	return scenario.Variant{
		Name:   name,
		Run:    act,
		Proof:  checkRun,
		Expect: []scenario.Expectation{scenario.ExpectRunSucceeds()},
	}
}

// checkRun returns why the act did not come to its point, or nil.
func checkRun(o scenario.Observation) error {
	if len(o.StruckEvents()) > 0 {
		return nil
	}
	if o.RunError == nil {
		return errors.New("the scenario's situation was not reached")
	}
	return fmt.Errorf("the scenario's situation was not reached: %w", o.RunError)
}

// requireDialogue returns why nobody can tell whether the server serves, or nil.
func requireDialogue(c scenario.Case) error {
	if c.Conversation.Script == nil || len(c.Conversation.Script.Steps) == 0 {
		return c.UnsupportedErrorf("the target has no dialogue, so the harness cannot check that a client is served; add a dialogue")
	}
	return nil
}

// requireProcess returns why the server's processes cannot be touched, or nil.
func requireProcess(c scenario.Case, what string) error {
	if len(c.Target.Server.Command) == 0 {
		return c.UnsupportedErrorf("the harness did not start the server, so it cannot be %s; give a command instead of an address", what)
	}
	return requireDialogue(c)
}
