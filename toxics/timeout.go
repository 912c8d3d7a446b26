package toxics

import (
	tp "github.com/Shopify/toxiproxy/v2/toxics"

	"github.com/sockharness/harness/toxics/adapter"
	"github.com/sockharness/harness/toxics/spec"
)

func timeoutEntry() entry {
	return entry{
		Kind: spec.Kind{
			Name:    "timeout",
			Summary: "drops all data and closes the connection after a time without data",
			Description: "Drops all data. After timeout milliseconds without data it closes both sides; with 0 the connection stays open " +
				"until the toxic is removed, which also closes it. stall keeps the data instead.",
			Attributes: []spec.Attribute{spec.MillisAttribute("timeout", 0, "time without data until the connection is closed; 0 or less: never")},
			Directions: spec.BothDirections(),
		},
		build: func(s spec.Settings, t *Toxic) error {
			t.useBehavior(adapter.ForeignToxic{Toxic: &tp.TimeoutToxic{Timeout: s.Int("timeout")}, Effect: adapter.Effect{Detail: "data is dropped", Close: true}})
			return nil
		},
	}
}
