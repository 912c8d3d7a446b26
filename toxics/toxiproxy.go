package toxics

import (
	"fmt"
	"time"

	tp "github.com/Shopify/toxiproxy/v2/toxics"
)

// toxiproxyKinds are Toxiproxy's toxics under their names and attributes. Where
// Toxiproxy crashes on a value, the range here ends before it; where it takes a
// senseless one for zero, so do we.
func toxiproxyKinds() []Kind {
	return []Kind{
		{
			Name:        "noop",
			Summary:     "forwards everything unchanged",
			Description: "Changes nothing. With a trigger it records an event when the stream gets that far.",
			Directions:  bothDirections(),
			build: func(_ settings, t *Toxic) error {
				t.useBehavior(foreign{new(tp.NoopToxic), effect{detail: "forwarded unchanged"}})
				return nil
			},
		},
		latencyKind(),
		bandwidthKind(),
		{
			Name:    "slicer",
			Summary: "splits the data into small pieces of varying size",
			Description: "Forwards each chunk in pieces of average_size plus or minus size_variation bytes and waits after each. The sizes come from " +
				"the run's seed. The pieces are separate writes; whether the receiver reads them one by one is not verified; slice does that.",
			Attributes: []Attribute{
				{Name: "average_size", Kind: Int, Default: int64(0), Unit: "bytes", Min: 1, Max: 1 << 40, Summary: "average size of a piece; required"},
				{Name: "size_variation", Kind: Int, Default: int64(0), Unit: "bytes", Min: 0, Max: 1 << 40, Summary: "maximum deviation from the average, at most average_size"},
				{Name: "delay", Kind: Int, Default: int64(0), Unit: "µs", Min: -maxMilliseconds, Max: maxMilliseconds, Summary: "wait after each piece; below 0 counts as 0"},
			},
			Directions: bothDirections(),
			build:      buildSlicer,
		},
		{
			Name:        "limit_data",
			Summary:     "closes the connection after a number of bytes",
			Description: "Forwards bytes bytes of this direction, then closes both sides of the connection cleanly.",
			Attributes: []Attribute{
				{Name: "bytes", Kind: Bytes, Default: int64(0), Unit: "bytes", Min: -maxSize, Max: maxSize, Summary: "number of bytes to forward; below 0 counts as 0"},
			},
			Directions: bothDirections(),
			build: func(s settings, t *Toxic) error {
				n := s.intOf("bytes")
				t.useBehavior(foreign{&tp.LimitDataToxic{Bytes: n}, effect{detail: fmt.Sprintf("closed after %d bytes", max(n, 0)), bytes: max(n, 0), close: true}})
				return nil
			},
		},
		{
			Name:        "slow_close",
			Summary:     "delays the end of the stream",
			Description: "Forwards all data at once, and the end of the stream delay milliseconds later.",
			Attributes:  []Attribute{millisAttribute("delay", 0, "delay of the end; below 0 counts as 0")},
			Directions:  bothDirections(),
			build: func(s settings, t *Toxic) error {
				delay := s.intOf("delay")
				t.useBehavior(foreign{&tp.SlowCloseToxic{Delay: delay}, effect{detail: fmt.Sprintf("end of stream delayed by %v", s.durationOf("delay")), bytes: -1, eof: delay > 0}})
				return nil
			},
		},
		{
			Name:    "timeout",
			Summary: "drops all data and closes the connection after a time without data",
			Description: "Drops all data. After timeout milliseconds without data it closes both sides; with 0 the connection stays open " +
				"until the toxic is removed, which also closes it. stall keeps the data instead.",
			Attributes: []Attribute{millisAttribute("timeout", 0, "time without data until the connection is closed; 0 or less: never")},
			Directions: bothDirections(),
			build: func(s settings, t *Toxic) error {
				t.useBehavior(foreign{&tp.TimeoutToxic{Timeout: s.intOf("timeout")}, effect{detail: "data is dropped", close: true}})
				return nil
			},
		},
		{
			Name:    "reset_peer",
			Summary: "resets the connection some time after the first data",
			Description: "Waits for the first data or the end of its direction, then timeout milliseconds, then resets both sides. That data is lost. " +
				"A silent source is never reset; use reset with a trigger for that.",
			Attributes: []Attribute{millisAttribute("timeout", 0, "time from the first data to the reset; below 0 counts as 0")},
			Directions: bothDirections(),
			build: func(s settings, t *Toxic) error {
				t.useBehavior(resetPeer{max(s.durationOf("timeout"), 0)})
				return nil
			},
		},
	}
}

// millisAttribute describes a duration that may be negative, as Toxiproxy has it.
func millisAttribute(name string, value int64, summary string) Attribute {
	return Attribute{Name: name, Kind: Duration, Default: value, Unit: "ms", Min: -maxMilliseconds, Max: maxMilliseconds, Summary: summary}
}

func buildSlicer(s settings, t *Toxic) error {
	average, variation := s.intOf("average_size"), s.intOf("size_variation")
	if variation > average {
		return fmt.Errorf("size_variation must be at most average_size, %d, got %d", average, variation)
	}
	t.useBehavior(slicer{average, variation, time.Duration(max(s.intOf("delay"), 0)) * time.Microsecond})
	return nil
}
