package toxics

import (
	tp "github.com/Shopify/toxiproxy/v2/toxics"

	"github.com/sockharness/harness/toxics/adapter"
	"github.com/sockharness/harness/toxics/spec"
)

func noopEntry() entry {
	return entry{
		Kind: spec.Kind{
			Name:        "noop",
			Summary:     "forwards everything unchanged",
			Description: "Changes nothing. With a trigger it records an event when the stream gets that far.",
			Directions:  spec.BothDirections(),
			Intact:      true,
			Prompt:      true,
		},
		build: func(_ spec.Settings, t *Toxic) error {
			t.useBehavior(adapter.ForeignToxic{Toxic: new(tp.NoopToxic), Effect: adapter.Effect{Detail: "forwarded unchanged"}})
			return nil
		},
	}
}
