package datagram

import (
	"math"
	"slices"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/toxics"
)

// A kind is an entry of the catalogue.
type kind struct {
	toxics.Kind

	// build returns the effect of a toxic on one direction of one association.
	build func(s settings) effect
}

const (
	maxMilliseconds = math.MaxInt64 / 1_000_000 / 2
	maxCount        = 1 << 61
)

// kinds are the toxics for datagrams, those that decide over one of them first.
func kinds() []kind {
	list := []kind{dropKind(), lossKind(), duplicateKind(), reorderKind(), latencyKind(), bandwidthKind(), truncateKind(), corruptKind()}
	for i := range list {
		list[i].Directions = []event.Direction{event.Upstream, event.Downstream}
		list[i].Attributes = append(list[i].Attributes, choosing()...)
	}
	return list
}

// choosing are the attributes that say which datagrams are struck.
func choosing() []toxics.Attribute {
	return []toxics.Attribute{
		{Name: "count", Added: true, Kind: toxics.Int, Default: int64(0), Max: maxCount, Summary: "strike at most so many datagrams; 0: no limit"},
		{Name: "every", Added: true, Kind: toxics.Int, Default: int64(1), Min: 1, Max: maxCount, Summary: "of each so many datagrams, only the last can be struck"},
		{Name: "only", Added: true, Kind: toxics.Bool, Default: false, Summary: "strike only where the trigger is: the n-th datagram, or each with the pattern"},
	}
}

func dropKind() kind {
	return kind{toxics.Kind{
		Name:    "drop",
		Summary: "loses datagrams",
		Page: "A datagram that is struck never arrives, and with burst the ones behind it neither. Packet loss of 30 % is toxicity=0.3; " +
			"the first three are lost with count=3, the fifth alone with at.segment=5 only=true. The same seed loses the same datagrams.",
		Attributes: []toxics.Attribute{
			{Name: "burst", Kind: toxics.Int, Default: int64(1), Min: 1, Max: maxCount, Summary: "how many in a row are lost, each time"},
		}},
		func(s settings) effect { return &drop{burst: s.int("burst")} }}
}

func lossKind() kind {
	return kind{toxics.Kind{
		Name:    "packet_loss",
		Summary: "loses datagrams as a bad network does, in bursts",
		Page: "A datagram is lost with probability loss_rate, plus correlation when the one before it was. The type has the attributes of Toxiproxy's " +
			"of that name, which is for streams; drop says more exactly which ones.",
		Attributes: []toxics.Attribute{
			{Name: "loss_rate", Kind: toxics.Share, Default: 0.1, Max: 1, Summary: "probability that a datagram is lost, 0 to 1"},
			{Name: "correlation", Kind: toxics.Share, Default: 0.0, Max: 1, Summary: "added to it when the datagram before was lost, 0 to 1"},
		}},
		func(s settings) effect { return &loss{rate: s.share("loss_rate"), correlation: s.share("correlation")} }}
}

func duplicateKind() kind {
	return kind{toxics.Kind{
		Name:    "duplicate",
		Summary: "sends datagrams more than once",
		Page:    "A datagram that is struck arrives once, and copies times more right behind.",
		Attributes: []toxics.Attribute{
			{Name: "copies", Kind: toxics.Int, Default: int64(1), Min: 1, Max: 1000, Summary: "how many more times it is sent"},
		}},
		func(s settings) effect { return &duplicate{copies: int(s.int("copies"))} }}
}

func reorderKind() kind {
	return kind{toxics.Kind{
		Name:    "reorder",
		Summary: "lets later datagrams overtake",
		Page: "A datagram that is struck is held back until positions later ones have overtaken it, or hold milliseconds are over. " +
			"Those that overtake are not struck themselves: with positions=1 and nothing else, each two datagrams change places.",
		Attributes: []toxics.Attribute{
			{Name: "positions", Kind: toxics.Int, Default: int64(1), Min: 1, Max: 1 << 20, Summary: "how many overtake it"},
			{Name: "hold", Kind: toxics.Duration, Default: int64(100), Unit: "ms", Min: 1, Max: maxMilliseconds, Summary: "how long it waits for them at most"},
		}},
		func(s settings) effect { return &reorder{positions: s.int("positions"), hold: s.duration("hold")} }}
}

func latencyKind() kind {
	stream, _ := toxics.Find("latency")
	return kind{toxics.Kind{
		Name:    "latency",
		Summary: "delays datagrams by a time, give or take a jitter",
		Page: "Holds a datagram for latency milliseconds, give or take a jitter that comes from the run's seed and has the distributions of the latency of " +
			"streams. Order is kept, and what is not struck waits behind what is; with reorder each goes when its own time is over.",
		Attributes: append(slices.Clone(stream.Attributes),
			toxics.Attribute{Name: "reorder", Kind: toxics.Bool, Default: false, Added: true, Summary: "a datagram with a shorter delay overtakes"})},
		func(s settings) effect {
			return &latency{mean: s.int("latency"), jitter: s.int("jitter"), distribution: s.word("distribution"), overtake: s.bool("reorder")}
		}}
}

func bandwidthKind() kind {
	return kind{toxics.Kind{
		Name:    "bandwidth",
		Summary: "limits the rate",
		Page: "Passes at most rate kilobytes (of 1000 bytes) of payload a second, per association and direction. Nobody tells a sender of datagrams to " +
			"slow down: what does not fit into the queue is lost. A rate of 0 lets nothing pass and holds what fits until the toxic is removed.",
		Attributes: []toxics.Attribute{
			{Name: "rate", Kind: toxics.Int, Default: int64(0), Unit: "KB/s", Max: math.MaxInt64 / 1000, Summary: "kilobytes a second; 0: nothing passes"},
			{Name: "queue", Kind: toxics.Bytes, Default: int64(1 << 20), Unit: "bytes", Max: maxHeld, Summary: "how much payload waits at most"},
		}},
		func(s settings) effect { return &bandwidth{rate: s.int("rate") * 1000, room: s.int("queue")} }}
}

func truncateKind() kind {
	return kind{toxics.Kind{
		Name:    "truncate",
		Summary: "cuts the end of datagrams off",
		Page:    "A datagram that is struck arrives with its first size bytes only. One that is not longer passes unchanged.",
		Attributes: []toxics.Attribute{
			{Name: "size", Kind: toxics.Bytes, Default: int64(0), Unit: "bytes", Max: MaxPayload, Summary: "how much of its payload is left"},
		}},
		func(s settings) effect { return &truncate{size: int(s.int("size"))} }}
}

func corruptKind() kind {
	return kind{toxics.Kind{
		Name:    "corrupt",
		Summary: "flips bits and keeps the length",
		Page: "Flips bits different bits of a datagram that is struck, at random places that come from the run's seed, or all within the byte at offset. " +
			"The checksum of UDP is right again: what arrives is what a faulty memory on the way makes of it.",
		Attributes: []toxics.Attribute{
			{Name: "bits", Kind: toxics.Int, Default: int64(1), Min: 1, Max: MaxPayload * 8, Summary: "how many bits are flipped"},
			{Name: "offset", Kind: toxics.Int, Default: int64(-1), Unit: "bytes", Min: -1, Max: MaxPayload - 1, Summary: "the only byte to change; -1: anywhere"},
		}},
		func(s settings) effect { return &corrupt{bits: int(s.int("bits")), offset: int(s.int("offset"))} }}
}
