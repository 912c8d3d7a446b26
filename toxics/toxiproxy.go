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
			Name:       "noop",
			Summary:    "passes everything on unchanged",
			Page:       "Changes nothing. With a trigger it marks in the events that the stream got that far.",
			Directions: bothDirections(),
			build: func(_ settings, t *Toxic) error {
				t.run(plain{new(tp.NoopToxic), effect{detail: "passes unchanged"}})
				return nil
			},
		},
		latencyKind(),
		bandwidthKind(),
		{
			Name:    "slicer",
			Summary: "cuts what passes into small pieces of varying size",
			Page: "Sends each chunk on in pieces of average_size plus or minus size_variation bytes and waits after each. The sizes come from " +
				"the run's seed. The pieces are separate writes; whether the receiver reads them one by one is not checked: slice does that.",
			Attributes: []Attribute{
				{Name: "average_size", Kind: Int, Default: int64(0), Unit: "bytes", Min: 1, Max: 1 << 40, Summary: "average size of a piece; must be given"},
				{Name: "size_variation", Kind: Int, Default: int64(0), Unit: "bytes", Min: 0, Max: 1 << 40, Summary: "how far a size may be from the average, at most average_size"},
				{Name: "delay", Kind: Int, Default: int64(0), Unit: "µs", Min: -maxMilliseconds, Max: maxMilliseconds, Summary: "wait after each piece; below 0 counts as 0"},
			},
			Directions: bothDirections(),
			build:      buildSlicer,
		},
		{
			Name:    "limit_data",
			Summary: "closes the connection after so many bytes",
			Page:    "Passes bytes bytes of this direction, then closes both sides of the connection in order, right after the last of them.",
			Attributes: []Attribute{
				{Name: "bytes", Kind: Bytes, Default: int64(0), Unit: "bytes", Min: -maxSize, Max: maxSize, Summary: "how many pass; below 0 counts as 0"},
			},
			Directions: bothDirections(),
			build: func(s settings, t *Toxic) error {
				n := s.int("bytes")
				t.run(plain{&tp.LimitDataToxic{Bytes: n}, effect{detail: fmt.Sprintf("closed after %d bytes", max(n, 0)), bytes: max(n, 0), close: true}})
				return nil
			},
		},
		{
			Name:       "slow_close",
			Summary:    "delays the end of the stream",
			Page:       "Passes everything on at once, but the end of the stream only delay milliseconds after it came.",
			Attributes: []Attribute{milliseconds("delay", 0, "how long the end is held back; below 0 counts as 0")},
			Directions: bothDirections(),
			build: func(s settings, t *Toxic) error {
				delay := s.int("delay")
				t.run(plain{&tp.SlowCloseToxic{Delay: delay}, effect{detail: fmt.Sprintf("end of stream held back for %v", s.duration("delay")), bytes: -1, eof: true}})
				return nil
			},
		},
		{
			Name:    "timeout",
			Summary: "swallows everything, and closes the connection when nothing came for a time",
			Page: "Drops all data. When none has come for timeout milliseconds the connection is closed on both sides; with 0 it stays open " +
				"until the toxic is removed, which closes it too. stall keeps the data instead.",
			Attributes: []Attribute{milliseconds("timeout", 0, "idle time until the connection is closed; 0 or less: never")},
			Directions: bothDirections(),
			build: func(s settings, t *Toxic) error {
				t.run(plain{&tp.TimeoutToxic{Timeout: s.int("timeout")}, effect{detail: "data is dropped", close: true}})
				return nil
			},
		},
		{
			Name:    "reset_peer",
			Summary: "resets the connection some time after the first data",
			Page: "Waits for the first data of its direction, or for its end, then timeout milliseconds, then resets both sides; that data is lost. " +
				"A source that stays silent is never reset: reset with a trigger does not wait for data.",
			Attributes: []Attribute{milliseconds("timeout", 0, "time from the first data to the reset; below 0 counts as 0")},
			Directions: bothDirections(),
			build: func(s settings, t *Toxic) error {
				t.run(resetPeer{max(s.duration("timeout"), 0)})
				return nil
			},
		},
	}
}

// milliseconds describes a duration that may be negative, as Toxiproxy has it.
func milliseconds(name string, value int64, summary string) Attribute {
	return Attribute{Name: name, Kind: Duration, Default: value, Unit: "ms", Min: -maxMilliseconds, Max: maxMilliseconds, Summary: summary}
}

func buildSlicer(s settings, t *Toxic) error {
	average, variation := s.int("average_size"), s.int("size_variation")
	if variation > average {
		return fmt.Errorf("size_variation must be at most average_size, %d, got %d", average, variation)
	}
	t.run(slicer{average, variation, time.Duration(max(s.int("delay"), 0)) * time.Microsecond})
	return nil
}
