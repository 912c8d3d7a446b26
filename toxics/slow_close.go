package toxics

import (
	"fmt"

	tp "github.com/Shopify/toxiproxy/v2/toxics"

	"github.com/sockharness/harness/toxics/adapter"
	"github.com/sockharness/harness/toxics/spec"
)

func slowCloseEntry() entry {
	return entry{
		Kind: spec.Kind{
			Name:        "slow_close",
			Summary:     "delays the end of the stream",
			Description: "Forwards all data at once, and the end of the stream delay milliseconds later.",
			Attributes:  []spec.Attribute{spec.MillisAttribute("delay", 0, "delay of the end; below 0 counts as 0")},
			Directions:  spec.BothDirections(),
			Intact:      true,
		},
		build: func(s spec.Settings, t *Toxic) error {
			delay := s.Int("delay")
			t.useBehavior(adapter.ForeignToxic{Toxic: &tp.SlowCloseToxic{Delay: delay}, Effect: adapter.Effect{Detail: fmt.Sprintf("end of stream delayed by %v", s.Duration("delay")), Bytes: -1, EOF: delay > 0}})
			return nil
		},
	}
}
