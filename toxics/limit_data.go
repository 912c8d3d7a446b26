package toxics

import (
	"fmt"

	tp "github.com/Shopify/toxiproxy/v2/toxics"

	"github.com/sockharness/harness/toxics/adapter"
	"github.com/sockharness/harness/toxics/spec"
)

func limitDataEntry() entry {
	return entry{
		Kind: spec.Kind{
			Name:        "limit_data",
			Summary:     "closes the connection after a number of bytes",
			Description: "Forwards bytes bytes of this direction, then closes both sides of the connection cleanly.",
			Attributes: []spec.Attribute{
				{Name: "bytes", Kind: spec.Bytes, Default: int64(0), Unit: "bytes", Min: -spec.MaxSize, Max: spec.MaxSize, Summary: "number of bytes to forward; below 0 counts as 0"},
			},
			Directions: spec.BothDirections(),
		},
		build: func(s spec.Settings, t *Toxic) error {
			n := s.Int("bytes")
			t.useBehavior(adapter.ForeignToxic{Toxic: &tp.LimitDataToxic{Bytes: n}, Effect: adapter.Effect{Detail: fmt.Sprintf("closed after %d bytes", max(n, 0)), Bytes: max(n, 0), Close: true}})
			return nil
		},
	}
}
