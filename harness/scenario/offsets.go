package scenario

import "slices"

// shortMessage is the length up to which every offset of a message is worth a
// variant of its own: a parser that breaks at one offset of a hundred is only
// found by trying them all (reference: bjoern, dart-zig, blackbull in
// HttpArena #1289).
const shortMessage = 128

// edges are the sizes of the buffers people write: what lies around them in a
// long message is where a reader's chunks end.
var edges = []int64{1 << 9, 1 << 10, 1460, 1 << 11, 1 << 12, 1 << 13, 1 << 14, 1 << 15, 1 << 16, 1 << 17}

// InsideExchanges returns offsets that lie strictly inside exchanges of the stream, at
// most limit of them, in order: all of short messages, of long ones the first
// and last few and those around the sizes of common buffers, and where one message
// of an exchange ends and the next one begins.
func (s Stream) InsideExchanges(limit int) []int64 {
	out := s.InnerEnds()
	for i, start := range s.MessageStarts() {
		out = append(out, offsetsBetween(start, s.MessageEnds[i])...)
	}
	slices.Sort(out)
	return SpreadEvenly(out, limit)
}

// InnerEnds returns where a message ends and its exchange does not.
func (s Stream) InnerEnds() []int64 {
	var out []int64
	for _, end := range s.MessageEnds {
		if end < s.ByteCount() && !s.EndsExchange(end) {
			out = append(out, end)
		}
	}
	return out
}

func offsetsBetween(from, to int64) []int64 {
	var out []int64
	add := func(at int64) {
		if from < at && at < to {
			out = append(out, at)
		}
	}
	if to-from <= shortMessage {
		for at := from + 1; at < to; at++ {
			add(at)
		}
		return out
	}
	for n := int64(1); n <= 8; n++ {
		add(from + n)
		add(to - n)
	}
	for _, edge := range edges {
		add(from + edge - 1)
		add(from + edge)
		add(from + edge + 1)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// SpreadEvenly keeps at most limit of the elements, evenly spread, the first and the last
// among them. A limit below 2 is none.
func SpreadEvenly[T any](all []T, limit int) []T {
	if limit <= 1 || len(all) <= limit {
		return all
	}
	out := make([]T, limit)
	for i := range out {
		out[i] = all[i*(len(all)-1)/(limit-1)]
	}
	return out
}

// InsideParts returns offsets inside the parts of the given kind ("header", "body" or
// "delimiter"), at most limit: cut there, at least one byte of the part is
// missing, and something of its message has arrived.
func (s Stream) InsideParts(kind string, limit int) []int64 {
	starts := s.MessageStarts()
	var out []int64
	for _, p := range s.Parts {
		if p.Kind != kind {
			continue
		}
		from := p.From
		if !slices.Contains(starts, from) {
			from-- // what precedes the part is there, the part is not
		}
		out = append(out, offsetsBetween(from, p.To)...)
	}
	return SpreadEvenly(out, limit)
}
