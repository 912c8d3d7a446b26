package explore

import "github.com/sockharness/harness/harness/event"

// addDatagrams lists a fault of the datagrams from..to of a direction.
func (s *space) addDatagrams(l *layout, d event.Direction, f Fault, from, to int) {
	p := Point{Direction: d, Fault: f, Datagram: true}
	if f != Truncate {
		s.add(l, p, int64(from), int64(to), nil)
		return
	}
	for _, kept := range []string{KeptHalf, KeptFirst, KeptMost} {
		p.Kept = kept
		s.add(l, p, int64(from), int64(to), func(at int64) bool { return len(l.packets[d][at-1].bytes) < 2 })
	}
}

// addServerDatagrams lists what the network can do to a server over UDP.
func (s *space) addServerDatagrams(l *layout) {
	up, down := len(l.packets[event.Upstream]), len(l.packets[event.Downstream])
	s.addDatagrams(l, event.Upstream, Duplicate, 1, up)
	s.addDatagrams(l, event.Upstream, Truncate, 1, up)
	s.addDatagrams(l, event.Upstream, Drop, 1, up)
	switch pipelining := l.case_.Target.Policies.Pipelining; {
	case up < 2:
		s.outside = append(s.outside, "upstream reorder: the dialogue has one request")
	case pipelining == nil:
		s.outside = append(s.outside, "upstream reorder: the target does not declare pipelining: true")
	case !*pipelining:
		s.outside = append(s.outside, "upstream reorder: the target declares pipelining: false")
	default:
		s.addDatagrams(l, event.Upstream, Reorder, 1, up-1)
	}
	s.addDatagrams(l, event.Downstream, Drop, 1, down)
	s.outside = append(s.outside,
		"downstream duplicate, reorder, truncate: the harness is the client, and the server does not see what becomes of its answers")
}

// addClientDatagrams lists what the network can do to a client over UDP.
func (s *space) addClientDatagrams(l *layout) {
	up, down := len(l.packets[event.Upstream]), len(l.packets[event.Downstream])
	for _, f := range []Fault{Duplicate, Reorder, Truncate, Drop} {
		s.addDatagrams(l, event.Downstream, f, 1, down)
	}
	for _, f := range []Fault{Duplicate, Reorder, Drop} {
		s.addDatagrams(l, event.Upstream, f, 1, up)
	}
	if l.case_.Target.Policies.AnswerTimeout > 0 {
		s.addDatagrams(l, event.Upstream, Silence, 1, up)
	} else {
		s.outside = append(s.outside, "silence: the target does not declare answer_timeout, so a client may wait as long as it likes")
	}
	s.outside = append(s.outside,
		"upstream truncate: the harness is the server, and does not answer what is cut: drop is the same",
		"refuse: harness run builtin:udp closes the port")
}

// isHarmlessDatagram reports whether every datagram arrives whole.
func (p Point) isHarmlessDatagram() bool { return p.Fault == Duplicate || p.Fault == Reorder }

// kept returns what is left of a datagram that the point cuts.
func (p Point) kept(b []byte) []byte {
	switch n := len(b); {
	case n == 0:
		return b
	case p.Kept == KeptFirst:
		return b[:1]
	case p.Kept == KeptMost:
		return b[:n-1]
	default:
		return b[:n/2]
	}
}
