package scenario

import (
	"fmt"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/toxics/spec"
)

// FaultAt returns a fault that strikes at the given byte of a stream.
func FaultAt(kind string, d event.Direction, at int64, attributes map[string]any) spec.Spec {
	f := FaultFromStart(kind, d, attributes)
	f.At = spec.Trigger{Byte: &at}
	return f
}

// FaultFromStart returns a fault that is there from the first byte on.
func FaultFromStart(kind string, d event.Direction, attributes map[string]any) spec.Spec {
	return spec.Spec{Name: fmt.Sprintf("%s_%s", kind, d), Type: kind, Direction: d, Toxicity: 1, Attributes: attributes}
}

// SplitAt returns a fault that splits a stream at the given offsets: what follows
// one leaves only when the receiver has read what precedes it.
func SplitAt(d event.Direction, offsets ...int64) spec.Spec {
	return FaultFromStart("slice", d, map[string]any{"offsets": offsets})
}
