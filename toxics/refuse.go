package toxics

import (
	"github.com/sockharness/harness/toxics/engine"
	"github.com/sockharness/harness/toxics/spec"
)

func refuseEntry() entry {
	return entry{
		Kind: spec.Kind{
			Name:    "refuse",
			Summary: "refuses the connection",
			Description: "The client's connect fails with ECONNREFUSED; no connection is accepted and closed. It applies to the connection, " +
				"so it has no direction and no trigger, and it refuses every connection: connection and a toxicity below 1 are mistakes. " +
				"To end some connections only, let them be accepted and reset: reset with at.byte=0 and connection.",
			Directions: spec.BothDirections(),
			Connection: true,
		},
		build: func(_ spec.Settings, t *Toxic) error {
			t.useBehavior(engine.NoopBehavior{})
			t.Refuse = true
			return nil
		},
	}
}
