package toxics

import (
	"strings"
	"testing"

	"github.com/sockharness/harness/toxics/spec"
)

// A delay may be finer than a millisecond: it is written with its unit, and read back as
// it is. What is whole milliseconds stays a number, as in Toxiproxy.
func TestDelaysBelowAMillisecond(t *testing.T) {
	for given, want := range map[any]any{"200µs": "200µs", "200us": "200µs", "0.2ms": "200µs", "1.5ms": "1.5ms", "2ms": int64(2), "2": int64(2), 2.0: int64(2), "-1us": "-1µs"} {
		made, err := MakeToxic(spec.Spec{Type: "latency", Attributes: map[string]any{"latency": given}})
		if err != nil || made.Attributes["latency"] != want {
			t.Errorf("%v: %v, %v, want %v", given, made.Attributes["latency"], err, want)
			continue
		}
		again, err := ParseFlag(made.String())
		if err != nil {
			t.Fatal(err)
		}
		if twice, err := MakeToxic(again); err != nil || twice.Attributes["latency"] != want {
			t.Errorf("%s reads back as %v, %v", made, twice.Attributes["latency"], err)
		}
	}
	for _, wrong := range []any{"200ns", "1.5", 0.5, "99999999999h"} {
		_, err := MakeToxic(spec.Spec{Type: "latency", Attributes: map[string]any{"latency": wrong}})
		if err == nil || !strings.Contains(err.Error(), "latency") {
			t.Errorf("%v: %v", wrong, err)
		}
	}
}
