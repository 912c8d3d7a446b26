package toxics

import (
	"errors"
	"fmt"
	"slices"

	"github.com/sockharness/harness/harness/wire"
)

// endingKinds are those that end a stream, or never begin one.
func endingKinds() []Kind {
	plain := func(name, summary, page string, how wire.End) Kind {
		return Kind{Name: name, Summary: summary, Page: page, Directions: bothDirections(),
			build: func(_ settings, t *Toxic) error { t.run(ending{how: how}); return nil }}
	}
	return []Kind{
		{
			Name:    "half_close",
			Summary: "ends one direction by FIN, the other lives on",
			Page: "Sends FIN to the destination and keeps the other direction open: what shutdown(SHUT_WR) looks like. " +
				"What the source still sends is discarded. FIN leaves right behind the data, or with after_read only when the " +
				"destination has read it: to an event loop the two are not the same.",
			Attributes: []Attribute{
				{Name: "after_read", Kind: Bool, Default: false, Summary: "FIN leaves when the destination has read what precedes it (verified)"},
			},
			Directions: bothDirections(),
			build: func(s settings, t *Toxic) error {
				t.run(ending{how: wire.HalfClose, afterRead: s.bool("after_read")})
				return nil
			},
		},
		plain("reset", "resets both sides",
			"Resets the connection, once the destination has read what was sent before. Both sides get ECONNRESET.", wire.Reset),
		plain("vanish", "ends the stream by FIN and answers what still comes by a reset",
			"Sends FIN to the destination and answers whatever it still sends by a reset: what a peer looks like that closed its socket. "+
				"The second write of the destination is the one that raises SIGPIPE, which reset alone never does.", wire.Vanish),
		limitTimeKind(),
		{
			Name:    "refuse",
			Summary: "refuses the connection",
			Page: "The client's connect is refused: ECONNREFUSED on connect, not an accepted connection that is closed. It acts on the connection, " +
				"so that direction does not matter and it takes no trigger; connection says which one is refused.",
			Directions: bothDirections(),
			Connection: true,
			build: func(_ settings, t *Toxic) error {
				t.run(passing{})
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
			Page: "Forwards nothing for duration milliseconds, or for ever, and does not read from the source meanwhile, so that the source is slowed " +
				"down too. Afterwards everything arrives, nothing is lost; the end of the stream waits its turn.",
			Attributes: []Attribute{
				{Name: "duration", Kind: Duration, Default: int64(0), Unit: "ms", Max: maxMilliseconds, Summary: "how long; 0: for ever"},
			},
			Directions: bothDirections(),
			build:      func(s settings, t *Toxic) error { t.run(stall{s.duration("duration")}); return nil },
		},
		{
			Name:    "slice",
			Summary: "cuts the stream into segments that the receiver reads one by one",
			Page: "Bytes beyond a boundary leave only when the receiver has read all before it, which is verified where the system can tell. " +
				"Boundaries are places in the stream: they do not depend on how the source writes. Give one of size, sizes and offsets; " +
				"with none of them every byte is a segment of its own.",
			Attributes: []Attribute{
				{Name: "size", Kind: Bytes, Default: int64(0), Unit: "bytes", Max: 1 << 40, Summary: "size of every segment; 0: not given"},
				{Name: "sizes", Kind: Ints, Unit: "bytes", Min: 1, Max: 1 << 40, Summary: "sizes of the segments, over and over"},
				{Name: "offsets", Kind: Ints, Unit: "bytes", Min: 1, Max: maxSize, Summary: "stream offsets of the only boundaries"},
			},
			Directions: bothDirections(),
			build:      buildSlice,
		},
		{
			Name:    "coalesce",
			Summary: "holds what arrives and sends it on merged",
			Page: "Collects until bytes bytes are there, nothing came for wait milliseconds, or the stream ends, then sends all of it on in chunks of " +
				"up to 64 KiB: several messages arrive in one read.",
			Attributes: []Attribute{
				{Name: "bytes", Kind: Bytes, Default: int64(maxMerged), Unit: "bytes", Min: 1, Max: 16 << 20, Summary: "sent on when so many are held"},
				{Name: "wait", Kind: Duration, Default: int64(20), Unit: "ms", Max: maxMilliseconds, Summary: "sent on when so long nothing came; 0: not for that"},
			},
			Directions: bothDirections(),
			build:      func(s settings, t *Toxic) error { t.run(coalesce{s.int("bytes"), s.duration("wait")}); return nil },
		},
		{
			Name:    "small_window",
			Summary: "makes the sender's writes short: small receive buffer, small segments",
			Page: "Shrinks what the proxy's socket takes in from the source (SO_RCVBUF, TCP_MAXSEG; socket(7), tcp(7)), so that a sender fills it " +
				"early and its writes become short or block. With hold nothing is read until the sender is stuck; then everything is.",
			Attributes: []Attribute{
				{Name: "receive_buffer", Kind: Bytes, Default: int64(4096), Unit: "bytes", Min: 1, Max: 1 << 30, Summary: "SO_RCVBUF; the kernel doubles it and has a minimum"},
				{Name: "segment_size", Kind: Int, Default: int64(1460), Unit: "bytes", Min: 88, Max: 1460, Summary: "TCP_MAXSEG"},
				{Name: "hold", Kind: Bool, Default: false, Summary: "read nothing until the sender is stuck"},
				{Name: "wait", Kind: Duration, Default: int64(2000), Unit: "ms", Max: maxMilliseconds, Summary: "longest hold; 0: no bound"},
			},
			Directions: bothDirections(),
			build: func(s settings, t *Toxic) error {
				t.Window = wire.Window{ReceiveBuffer: int(s.int("receive_buffer")), SegmentSize: int(s.int("segment_size"))}
				t.run(smallWindow{t.Window, s.bool("hold"), s.duration("wait")})
				return nil
			},
		},
		{
			Name:    "corrupt",
			Summary: "flips bits and keeps the length",
			Page: "Changes the bytes at the given stream offsets, or one byte at a random place of each every bytes; with neither, the first byte. " +
				"Random places and bits come from the run's seed.",
			Attributes: []Attribute{
				{Name: "offsets", Kind: Ints, Unit: "bytes", Max: maxSize, Summary: "stream offsets of the bytes to change"},
				{Name: "every", Kind: Bytes, Default: int64(0), Unit: "bytes", Max: 1 << 40, Summary: "change one byte in each so many; 0: not given"},
				{Name: "count", Kind: Int, Default: int64(0), Max: maxSize, Summary: "change at most so many bytes; 0: no limit"},
				{Name: "mask", Kind: Int, Default: int64(0), Max: 255, Summary: "the bits to flip; 0: one random bit of each byte"},
			},
			Directions: bothDirections(),
			build:      buildCorrupt,
		},
	}
}

func buildSlice(s settings, t *Toxic) error {
	size, sizes, offsets := s.int("size"), s.ints("sizes"), s.ints("offsets")
	given := 0
	for _, g := range []bool{size > 0, len(sizes) > 0, len(offsets) > 0} {
		if g {
			given++
		}
	}
	switch {
	case given > 1:
		return fmt.Errorf("it takes one of size, sizes and offsets, got %d of them", given)
	case size > 0:
		sizes = []int64{size}
	case given == 0:
		sizes = []int64{1}
	}
	t.run(slice{sizes: slices.Clone(sizes), offsets: ascending(offsets)})
	return nil
}

func buildCorrupt(s settings, t *Toxic) error {
	c := corruption{offsets: ascending(s.ints("offsets")), every: s.int("every"), count: s.int("count"), mask: byte(s.int("mask"))}
	if len(c.offsets) > 0 && c.every > 0 {
		return errors.New("it takes one of offsets and every, got both")
	}
	if len(c.offsets) == 0 && c.every == 0 {
		c.every, c.count = 1, max(c.count, 1)
	}
	t.run(c)
	return nil
}

// ascending returns the distinct offsets in order.
func ascending(offsets []int64) []int64 {
	return slices.Compact(slices.Sorted(slices.Values(offsets)))
}
