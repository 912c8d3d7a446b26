package toxics

import (
	"errors"
	"fmt"
	"slices"

	"github.com/sockharness/harness/toxics/hook"
)

// endingKinds are those that end a stream, or never begin one.
func endingKinds() []Kind {
	plain := func(name, summary, page string, how hook.EndMode) Kind {
		return Kind{Name: name, Summary: summary, Description: page, Directions: bothDirections(),
			build: func(_ settings, t *Toxic) error { t.useBehavior(ending{how: how}); return nil }}
	}
	return []Kind{
		{
			Name:    "half_close",
			Summary: "ends one direction with FIN and keeps the other open",
			Description: "Sends FIN to the destination and keeps the other direction open: what shutdown(SHUT_WR) looks like. " +
				"What the source still sends is discarded. FIN leaves right behind the data, or with after_read only when the " +
				"destination has read it: an event loop sees a difference.",
			Attributes: []Attribute{
				{Name: "after_read", Kind: Bool, Default: false, Summary: "send FIN only when the destination has read all data before it (verified)"},
			},
			Directions: bothDirections(),
			build: func(s settings, t *Toxic) error {
				t.useBehavior(ending{how: hook.HalfClose, afterRead: s.boolOf("after_read")})
				return nil
			},
		},
		plain("reset", "resets both sides",
			"Resets the connection after the destination has read the data before it. Both sides get ECONNRESET.", hook.Reset),
		plain("vanish", "ends the stream with FIN and answers later data with a reset",
			"Sends FIN to the destination and answers its later data with a reset, as a peer does that has closed its socket. "+
				"The second write of the destination raises SIGPIPE, which reset alone does not.", hook.Vanish),
		limitTimeKind(),
		{
			Name:    "refuse",
			Summary: "refuses the connection",
			Description: "The client's connect fails with ECONNREFUSED; no connection is accepted and closed. It applies to the connection, " +
				"so it has no direction and no trigger, and it refuses every connection: connection and a toxicity below 1 are mistakes. " +
				"To end some connections only, let them be accepted and reset: reset with at.byte=0 and connection.",
			Directions: bothDirections(),
			Connection: true,
			build: func(_ settings, t *Toxic) error {
				t.useBehavior(noop{})
				t.Refuse = true
				return nil
			},
		},
	}
}

// shapingKinds are those that change how, when and with which bytes a stream arrives.
func shapingKinds() []Kind {
	return []Kind{
		{
			Name:    "stall",
			Summary: "stops forwarding and keeps the connection open",
			Description: "Forwards nothing for duration milliseconds, or without end, and does not read from the source meanwhile, so that the source is slowed " +
				"down too. Afterwards all data arrives, then the end of the stream. Nothing is lost.",
			Attributes: []Attribute{
				{Name: "duration", Kind: Duration, Default: int64(0), Unit: "ms", Max: maxMilliseconds, Summary: "how long; 0: without end"},
			},
			Directions: bothDirections(),
			build:      func(s settings, t *Toxic) error { t.useBehavior(stall{s.durationOf("duration")}); return nil },
		},
		{
			Name:    "slice",
			Summary: "cuts the stream into segments that the receiver reads one by one",
			Description: "Bytes after a boundary leave only when the receiver has read all bytes before it. This is verified where the system allows it. " +
				"Boundaries are offsets in the stream: they do not depend on how the source writes. Give one of size, sizes and offsets; " +
				"without them every byte is its own segment.",
			Attributes: []Attribute{
				{Name: "size", Kind: Bytes, Default: int64(0), Unit: "bytes", Max: 1 << 40, Summary: "size of every segment; 0: not used"},
				{Name: "sizes", Kind: Ints, Unit: "bytes", Min: 1, Max: 1 << 40, Summary: "sizes of the segments, repeated"},
				{Name: "offsets", Kind: Ints, Unit: "bytes", Min: 1, Max: maxSize, Summary: "stream offsets of the boundaries"},
			},
			Directions: bothDirections(),
			build:      buildSlice,
		},
		{
			Name:    "coalesce",
			Summary: "collects data and forwards it merged",
			Description: "Collects data until there are bytes bytes, or none arrived for wait milliseconds, or the stream ends. Then forwards all of it in chunks of " +
				"up to 64 KiB: several messages arrive in one read.",
			Attributes: []Attribute{
				{Name: "bytes", Kind: Bytes, Default: int64(maxMerged), Unit: "bytes", Min: 1, Max: 16 << 20, Summary: "number of bytes after which they are forwarded"},
				{Name: "wait", Kind: Duration, Default: int64(20), Unit: "ms", Max: maxMilliseconds, Summary: "pause of the source after which data is forwarded; 0: not used"},
			},
			Directions: bothDirections(),
			build: func(s settings, t *Toxic) error {
				t.useBehavior(coalesce{s.intOf("bytes"), s.durationOf("wait")})
				return nil
			},
		},
		{
			Name:    "small_window",
			Summary: "makes the sender's writes short: small receive buffer, small segments",
			Description: "Shrinks the receive buffer and segment size of the proxy's socket (SO_RCVBUF, TCP_MAXSEG; socket(7), tcp(7)), so that a sender fills it " +
				"early and its writes become short or block. With hold the proxy reads nothing until the sender is stuck, then everything.",
			Attributes: []Attribute{
				{Name: "receive_buffer", Kind: Bytes, Default: int64(4096), Unit: "bytes", Min: 1, Max: 1 << 30, Summary: "SO_RCVBUF; the kernel doubles it and applies a minimum"},
				{Name: "segment_size", Kind: Int, Default: int64(1460), Unit: "bytes", Min: 88, Max: 1460, Summary: "TCP_MAXSEG"},
				{Name: "hold", Kind: Bool, Default: false, Summary: "read nothing until the sender is stuck"},
				{Name: "wait", Kind: Duration, Default: int64(2000), Unit: "ms", Max: maxMilliseconds, Summary: "maximum time of hold; 0: no limit"},
			},
			Directions: bothDirections(),
			build: func(s settings, t *Toxic) error {
				t.Window = hook.SocketLimits{ReceiveBuffer: int(s.intOf("receive_buffer")), SegmentSize: int(s.intOf("segment_size"))}
				t.useBehavior(smallWindow{t.Window, s.boolOf("hold"), s.durationOf("wait")})
				return nil
			},
		},
		{
			Name:    "corrupt",
			Summary: "flips bits and keeps the length",
			Description: "Changes the bytes at the given stream offsets, or one random byte in every `every` bytes; without both, the first byte. " +
				"Random offsets and bits come from the run's seed.",
			Attributes: []Attribute{
				{Name: "offsets", Kind: Ints, Unit: "bytes", Max: maxSize, Summary: "stream offsets of the bytes to change"},
				{Name: "every", Kind: Bytes, Default: int64(0), Unit: "bytes", Max: 1 << 40, Summary: "change one byte in every block of this many; 0: not used"},
				{Name: "count", Kind: Int, Default: int64(0), Max: maxSize, Summary: "maximum number of changed bytes; 0: no limit"},
				{Name: "mask", Kind: Int, Default: int64(0), Max: 255, Summary: "the bits to flip; 0: one random bit of each byte"},
			},
			Directions: bothDirections(),
			build:      buildCorrupt,
		},
	}
}

func buildSlice(s settings, t *Toxic) error {
	size, sizes, offsets := s.intOf("size"), s.intsOf("sizes"), s.intsOf("offsets")
	given := 0
	for _, g := range []bool{size > 0, len(sizes) > 0, len(offsets) > 0} {
		if g {
			given++
		}
	}
	switch {
	case given > 1:
		return fmt.Errorf("give one of size, sizes and offsets, got %d of them", given)
	case size > 0:
		sizes = []int64{size}
	case given == 0:
		sizes = []int64{1}
	}
	t.useBehavior(slice{sizes: slices.Clone(sizes), offsets: sortedDistinct(offsets)})
	return nil
}

func buildCorrupt(s settings, t *Toxic) error {
	c := corruption{offsets: sortedDistinct(s.intsOf("offsets")), every: s.intOf("every"), count: s.intOf("count"), mask: byte(s.intOf("mask"))}
	if len(c.offsets) > 0 && c.every > 0 {
		return errors.New("give offsets or every, got both")
	}
	if len(c.offsets) == 0 && c.every == 0 {
		c.every, c.count = 1, max(c.count, 1)
	}
	t.useBehavior(c)
	return nil
}

// sortedDistinct returns the distinct offsets in order.
func sortedDistinct(offsets []int64) []int64 {
	return slices.Compact(slices.Sorted(slices.Values(offsets)))
}
