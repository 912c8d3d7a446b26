// Package liveness checks that one client does not keep another from being
// served: a slow or silent one, many of them, more than there is room for, and
// those that are gone before they are let in.
package liveness

import (
	"context"
	"errors"
	"fmt"

	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/suite"
)

// Declare declares the topic's Ginkgo containers on the bench.
func Declare(b *suite.Bench) { b.Topic("liveness", Scenarios()...) }

// Scenarios lists the topic's scenarios.
func Scenarios() []scenario.Scenario {
	return []scenario.Scenario{silent(), halfRequest(), idleCrowd(), slowReader(), crossTalk(), backlog(), resetInQueue(), descriptors()}
}

// variant is one that acts, and whose act has struck or was for nothing.
func variant(name string, act func(context.Context, scenario.Rig) error) scenario.Variant {
	return scenario.Variant{
		Name:   name,
		Act:    act,
		Proof:  acted,
		Expect: []scenario.Expectation{scenario.Acts()},
	}
}

// acted returns why the act did not come to its point, or nil.
func acted(o scenario.Observation) error {
	if len(o.Struck()) > 0 {
		return nil
	}
	if o.ActError == nil {
		return errors.New("the act did not strike")
	}
	return fmt.Errorf("the act did not strike: %w", o.ActError)
}

// speaks returns why nobody can tell whether the server serves, or nil.
func speaks(c scenario.Case) error {
	if c.Conversation.Script == nil || len(c.Conversation.Script.Steps) == 0 {
		return c.Unsupported("without a dialogue nobody can tell that a client is served")
	}
	return nil
}

// ours returns why the server's processes cannot be touched, or nil.
func ours(c scenario.Case, what string) error {
	if len(c.Target.Server.Command) == 0 {
		return c.Unsupported("only a process of ours can be %s", what)
	}
	return speaks(c)
}
