package toxics_test

import (
	"fmt"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/toxics"
	"github.com/sockharness/harness/toxics/spec"
)

// A flag becomes a toxic. Attributes that were not given have their defaults.
func ExampleMakeToxic() {
	spec, err := toxics.ParseFlag("latency direction=upstream latency=50 connection=2")
	if err != nil {
		fmt.Println(err)
		return
	}
	toxic, err := toxics.MakeToxic(spec)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(toxic.Name, toxic.Attributes["latency"], toxic.Attributes["jitter"], toxic.Connection)
	// Output: latency_upstream 50 0 2
}

// The error tells everything that is wrong.
func ExampleMakeToxic_unknown() {
	_, err := toxics.MakeToxic(spec.Spec{Type: "slicr", Direction: event.Upstream})
	fmt.Println(err)
	// Output: toxic type "slicr" is unknown, did you mean "slicer"?
}

// A spec is written as the line that reads it back.
func ExampleSpec_String() {
	at := int64(93)
	spec := spec.Spec{Type: "half_close", Direction: event.Downstream, At: spec.Trigger{Byte: &at}}
	fmt.Println(spec)
	// Output: half_close direction=downstream at.byte=93
}
