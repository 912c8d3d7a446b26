// Package liveness checks that one client does not keep another from being
// served: a slow or silent one, many of them, more than there is room for, and
// those that are gone before they are let in.
package liveness

import "github.com/sockharness/harness/harness/scenario"

// Scenarios lists the topic's scenarios.
func Scenarios() []scenario.Scenario {
	return []scenario.Scenario{silentClients(), halfRequest(), idleCrowd(), slowReader(), crossTalk(), fullBacklog(), resetInQueue(), unreadMemory(), descriptorLimit()}
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
