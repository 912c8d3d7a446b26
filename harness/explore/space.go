package explore

import (
	"fmt"
	"hash/fnv"
	"slices"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
)

// A space is every point of one conversation.
type space struct {
	series  []*series
	outside []string // what is out of reach, and why
}

// newSpace lists the points for a peer of the given role.
func newSpace(l *layout, o Options) *space {
	s := &space{}
	switch {
	case l.packets != nil && l.case_.Role == scenario.Client:
		s.addClientDatagrams(l)
	case l.packets != nil:
		s.addServerDatagrams(l)
	case l.case_.Role == scenario.Client:
		s.addClientSeries(l)
	default:
		s.addServerSeries(l)
	}
	if o.Pairs && l.packets == nil {
		s.addPairs(l)
	}
	s.leaveOut(o.Target.Transport())
	s.noteOutside(l, o)
	s.keepFaults(o.Faults)
	s.keepShard(o.Shard)
	for _, one := range s.series {
		one.points = one.size()
	}
	return s
}

func (s *space) add(l *layout, p Point, from, to int64, skip func(int64) bool) {
	if to < from {
		return
	}
	one := &series{point: p, from: from, results: make([]int32, to-from+1), skip: skip}
	for _, at := range l.borders(p.Direction) {
		if at >= from && at <= to {
			one.borders = append(one.borders, at)
		}
	}
	for at := from; at <= to; at++ {
		if skip != nil && skip(at) {
			one.results[at-from] = excluded
		}
	}
	if one.size() > 0 {
		s.series = append(s.series, one)
	}
}

// addServerSeries lists what a client can do to a server: all of what it sends, and how
// it reads.
func (s *space) addServerSeries(l *layout) {
	up, down := l.up.ByteCount(), l.down.ByteCount()
	add := func(f Fault, read bool, from, to int64, skip func(int64) bool) {
		s.add(l, Point{Direction: event.Upstream, Fault: f, Read: read}, from, to, skip)
	}
	atEnd := func(at int64) bool { return slices.Contains(l.up.ExchangeEnds, at) }
	add(Split, false, 1, up-1, atEnd)
	add(FIN, false, 0, up, nil)
	add(HalfClose, false, 0, up, nil)
	for _, f := range []Fault{Vanish, Reset} {
		add(f, false, 0, up, nil)
		add(f, true, 1, up, nil)
	}
	if l.case_.Target.Policies.MayPipeline() && len(l.up.ExchangeEnds) > 1 && !l.script.Captures() {
		for _, f := range []Fault{Vanish, Reset} {
			s.add(l, Point{Direction: event.Upstream, Fault: f, Pipelined: true}, l.up.ExchangeEnds[0]+1, up, nil)
		}
	}
	add(Heal, false, 1, up-1, nil)
	add(Stall, false, 0, up, nil)
	s.addCoalesce(l)
	add(Duplicate, false, 0, up-1, nil)
	add(Corrupt, false, 0, up-1, nil)
	for _, f := range []Fault{HalfClose, Vanish, Reset, Stall} {
		s.add(l, Point{Direction: event.Downstream, Fault: f}, 1, down, nil)
	}
	s.outside = append(s.outside,
		"downstream split, coalesce, corrupt, duplicate: the harness is the client, and the server sends these bytes",
		"refuse, blackhole: a server does not connect")
}

// addCoalesce lists the borders between requests that may be sent together.
func (s *space) addCoalesce(l *layout) {
	pipelining := l.case_.Target.Policies.Pipelining
	switch {
	case len(l.up.ExchangeEnds) < 2:
		s.outside = append(s.outside, "coalesce: the dialogue has one request")
		return
	case pipelining == nil:
		s.outside = append(s.outside, "coalesce: the target does not declare pipelining: true")
		return
	case !*pipelining:
		s.outside = append(s.outside, "coalesce: the target declares pipelining: false")
		return
	case l.script.Captures():
		s.outside = append(s.outside, "coalesce: a request depends on the answer to the one before it")
		return
	}
	ends := l.up.ExchangeEnds[:len(l.up.ExchangeEnds)-1]
	s.add(l, Point{Direction: event.Upstream, Fault: Coalesce}, ends[0], ends[len(ends)-1], func(at int64) bool {
		return !slices.Contains(ends, at) || at == l.up.ByteCount()
	})
}

// addClientSeries lists what a server can do to a client.
func (s *space) addClientSeries(l *layout) {
	up, down := l.up.ByteCount(), l.down.ByteCount()
	add := func(f Fault, read bool, from, to int64, skip func(int64) bool) {
		s.add(l, Point{Direction: event.Downstream, Fault: f, Read: read}, from, to, skip)
	}
	for n := range max(1, l.connections) {
		s.add(l, Point{Fault: Refuse, Conn: n + 1}, 0, 0, nil)
	}
	add(FIN, false, 0, down, nil)
	add(Split, false, 1, down-1, func(at int64) bool { return slices.Contains(l.down.ExchangeEnds, at) })
	add(Reset, true, 0, down, nil)
	add(Vanish, false, 0, down, nil)
	add(HalfClose, false, 0, down, nil)
	add(Reset, false, 0, down, nil)
	if len(l.down.ExchangeEnds) > 0 {
		add(Heal, false, 1, down-1, nil)
	}
	if l.case_.Target.Policies.AnswerTimeout > 0 {
		add(Stall, false, 0, down, nil)
	} else {
		s.outside = append(s.outside, "stall: the target does not declare answer_timeout, so a client may wait as long as it likes")
	}
	add(Duplicate, false, 0, down-1, nil)
	add(Corrupt, false, 0, down-1, nil)
	for _, f := range []Fault{FIN, Reset} {
		s.add(l, Point{Direction: event.Upstream, Fault: f}, 0, up-1, nil)
	}
	if l.case_.Target.Policies.AnswerTimeout > 0 {
		for n := range max(1, l.connections) {
			s.add(l, Point{Fault: Blackhole, Conn: n + 1}, 0, 0, nil)
		}
	} else {
		s.outside = append(s.outside, "blackhole: the target does not declare answer_timeout")
	}
}

// leaveOut removes what a transport does not have.
func (s *space) leaveOut(t scenario.Transport) {
	if t != scenario.Unix {
		return
	}
	s.series = slices.DeleteFunc(s.series, func(one *series) bool { return one.point.Fault == Reset })
	s.outside = append(s.outside, "reset: a unix socket has no RST; vanish is how its peer ends")
}

// noteOutside says which bytes of a conversation no fault strikes.
func (s *space) noteOutside(l *layout, o Options) {
	if n := l.script.ConnectionCount(); n > 0 {
		s.outside = append(s.outside, "data connections: faults strike on the first connection; harness run has those of the others")
	}
	if o.Target.StartsTLS() {
		s.outside = append(s.outside, "what is said before TLS: faults strike within TLS, at its plaintext")
	}
}

// addPairs adds a split before each fault: two faults on one connection.
func (s *space) addPairs(l *layout) {
	for _, one := range slices.Clone(s.series) {
		p := one.point
		if p.Direction != l.case_.Role.IncomingDirection() || p.Fault == Coalesce || p.Fault.isOfConnect() {
			continue
		}
		for _, at := range l.splits(p.Direction) {
			p.Split = at
			s.add(l, p, max(at+1, one.from), one.last(), one.skip)
		}
	}
}

// mostSplits is up to how many bytes of a stream every one is tried as the first fault of
// a pair; of longer ones, borders are.
const mostSplits = 128

func (l *layout) splits(d event.Direction) []int64 {
	s := l.stream(d)
	if s.ByteCount() > mostSplits {
		return slices.DeleteFunc(l.borders(d), func(at int64) bool { return at < 1 || at >= s.ByteCount() })
	}
	var all []int64
	for at := int64(1); at < s.ByteCount(); at++ {
		all = append(all, at)
	}
	return all
}

func (s *space) keepFaults(only []Fault) {
	if len(only) == 0 {
		return
	}
	s.series = slices.DeleteFunc(s.series, func(one *series) bool { return !slices.Contains(only, one.point.Fault) })
}

// keepShard leaves out the points of other shards. Which one a point belongs to depends
// on the point alone.
func (s *space) keepShard(shard outcome.Shard) {
	if shard.Total <= 1 {
		return
	}
	for _, one := range s.series {
		for at := one.from; at <= one.last(); at++ {
			h := fnv.New32a()
			fmt.Fprint(h, one.at(at))
			if int(h.Sum32()%uint32(shard.Total)) != shard.Index-1 {
				one.results[at-one.from] = excluded
			}
		}
	}
	s.series = slices.DeleteFunc(s.series, func(one *series) bool { return one.size() == 0 })
}

// size is how many points there are.
func (s *space) size() int {
	n := 0
	for _, one := range s.series {
		n += one.size()
	}
	return n
}
