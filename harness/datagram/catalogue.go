package datagram

import (
	"math"
	"slices"

	"github.com/sockharness/harness/toxics"
	"github.com/sockharness/harness/toxics/spec"
)

// A kind is an entry of the catalogue.
type kind struct {
	spec.Kind

	// build returns the effect of a toxic on one direction of one association.
	build func(s spec.Settings) effect
}

// toxicKinds are the toxics for datagrams, those that decide over one of them first.
func toxicKinds() []kind {
	list := []kind{dropKind(), lossKind(), duplicateKind(), reorderKind(), latencyKind(), bandwidthKind(), truncateKind(), corruptKind()}
	for i := range list {
		list[i].Directions = spec.BothDirections()
		list[i].Attributes = append(list[i].Attributes, selectionAttributes()...)
	}
	return list
}

// selectionAttributes are the attributes that say which datagrams are struck.
func selectionAttributes() []spec.Attribute {
	return []spec.Attribute{
		{Name: "count", Extension: true, Kind: spec.Int, Default: int64(0), Max: spec.MaxSize, Summary: "maximum number of datagrams to strike; 0: no limit"},
		{Name: "every", Extension: true, Kind: spec.Int, Default: int64(1), Min: 1, Max: spec.MaxSize, Summary: "strike only every n-th datagram"},
		{Name: "only", Extension: true, Kind: spec.Bool, Default: false, Summary: "strike only at the trigger: the n-th datagram, or each one with the pattern"},
	}
}

func dropKind() kind {
	return kind{spec.Kind{
		Name:    "drop",
		Summary: "loses datagrams",
		Description: "A struck datagram does not arrive; with burst, the next ones do not arrive either. Packet loss of 30 % is toxicity=0.3; " +
			"the first three are lost with count=3, the fifth alone with at.segment=5 only=true. The same seed loses the same datagrams.",
		Attributes: []spec.Attribute{
			{Name: "burst", Kind: spec.Int, Default: int64(1), Min: 1, Max: spec.MaxSize, Summary: "how many in a row are lost each time"},
		}},
		func(s spec.Settings) effect { return &drop{burst: s.Int("burst")} }}
}

func lossKind() kind {
	return kind{spec.Kind{
		Name:    "packet_loss",
		Summary: "loses datagrams as a bad network does, in bursts",
		Description: "A datagram is lost with probability loss_rate, plus correlation if the previous one was lost. The type has the attributes of Toxiproxy's " +
			"toxic of that name, which is for streams; drop selects the lost ones more exactly.",
		Attributes: []spec.Attribute{
			{Name: "loss_rate", Kind: spec.Share, Default: 0.1, Max: 1, Summary: "probability that a datagram is lost, 0 to 1"},
			{Name: "correlation", Kind: spec.Share, Default: 0.0, Max: 1, Summary: "added to loss_rate if the previous datagram was lost, 0 to 1"},
		}},
		func(s spec.Settings) effect {
			return &loss{rate: s.Share("loss_rate"), correlation: s.Share("correlation")}
		}}
}

func duplicateKind() kind {
	return kind{spec.Kind{
		Name:        "duplicate",
		Summary:     "sends datagrams more than once",
		Description: "A struck datagram arrives once, and copies more times right after.",
		Attributes: []spec.Attribute{
			{Name: "copies", Kind: spec.Int, Default: int64(1), Min: 1, Max: 1000, Summary: "number of additional copies"},
		}},
		func(s spec.Settings) effect { return &duplicate{copies: int(s.Int("copies"))} }}
}

func reorderKind() kind {
	return kind{spec.Kind{
		Name:    "reorder",
		Summary: "lets later datagrams overtake",
		Description: "A struck datagram is kept back until positions later ones have overtaken it, or hold milliseconds have passed. " +
			"The overtaking ones are not struck: with positions=1 alone, each pair of datagrams changes places.",
		Attributes: []spec.Attribute{
			{Name: "positions", Kind: spec.Int, Default: int64(1), Min: 1, Max: 1 << 20, Summary: "number of datagrams that overtake it"},
			{Name: "hold", Kind: spec.Duration, Default: int64(100), Unit: "ms", Min: 1, Max: spec.MaxMilliseconds, Summary: "maximum time to wait for them"},
		}},
		func(s spec.Settings) effect { return &reorder{positions: s.Int("positions"), hold: s.Duration("hold")} }}
}

func latencyKind() kind {
	stream, _ := toxics.FindKind("latency")
	return kind{spec.Kind{
		Name:    "latency",
		Summary: "delays datagrams, with a random jitter",
		Description: "Delays a datagram by latency milliseconds, plus or minus a jitter that comes from the run's seed and has the distributions of the latency of " +
			"streams. The order is kept: datagrams that are not struck wait behind struck ones. With reorder each one leaves after its own delay.",
		Attributes: append(slices.Clone(stream.Attributes),
			spec.Attribute{Name: "reorder", Kind: spec.Bool, Default: false, Extension: true, Summary: "a datagram with a shorter delay overtakes"})},
		func(s spec.Settings) effect {
			return &latency{mean: s.Duration("latency"), jitter: s.Duration("jitter"), distribution: s.Word("distribution"), overtake: s.Bool("reorder")}
		}}
}

func bandwidthKind() kind {
	return kind{spec.Kind{
		Name:    "bandwidth",
		Summary: "limits the rate",
		Description: "Forwards at most rate kilobytes (of 1000 bytes) of payload a second, per association and direction. UDP does not slow down a " +
			"sender: what does not fit into the queue is lost. A rate of 0 forwards nothing and keeps what fits until the toxic is removed.",
		Attributes: []spec.Attribute{
			{Name: "rate", Kind: spec.Int, Default: int64(0), Unit: "KB/s", Max: math.MaxInt64 / 1000, Summary: "kilobytes a second; 0: nothing is forwarded"},
			{Name: "queue", Kind: spec.Bytes, Default: int64(1 << 20), Unit: "bytes", Max: maxHeld, Summary: "maximum payload in the queue"},
		}},
		func(s spec.Settings) effect { return &bandwidth{rate: s.Int("rate") * 1000, room: s.Int("queue")} }}
}

func truncateKind() kind {
	return kind{spec.Kind{
		Name:        "truncate",
		Summary:     "cuts off the end of datagrams",
		Description: "A struck datagram arrives with its first size bytes only. A shorter one arrives unchanged.",
		Attributes: []spec.Attribute{
			{Name: "size", Kind: spec.Bytes, Default: int64(0), Unit: "bytes", Max: MaxPayload, Summary: "number of payload bytes that are kept"},
		}},
		func(s spec.Settings) effect { return &truncate{size: int(s.Int("size"))} }}
}

func corruptKind() kind {
	return kind{spec.Kind{
		Name:    "corrupt",
		Summary: "flips bits and keeps the length",
		Description: "Flips bits different bits of a struck datagram, at random places that come from the run's seed, or all in the byte at offset. " +
			"The UDP checksum is correct: the receiver sees the data as a router with faulty memory would send it.",
		Attributes: []spec.Attribute{
			{Name: "bits", Kind: spec.Int, Default: int64(1), Min: 1, Max: MaxPayload * 8, Summary: "number of bits to flip"},
			{Name: "offset", Kind: spec.Int, Default: int64(-1), Unit: "bytes", Min: -1, Max: MaxPayload - 1, Summary: "the byte to change; -1: anywhere"},
		}},
		func(s spec.Settings) effect { return &corrupt{bits: int(s.Int("bits")), offset: int(s.Int("offset"))} }}
}
