package explore

import (
	"slices"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/scenario"
)

// A layout says where the bytes of a conversation lie: what goes in each direction, and
// which exchange each byte belongs to. It is that of the first control run.
type layout struct {
	script   *dialogue.Script
	up, down scenario.Stream
	case_    scenario.Case // for expectations that scenarios share

	connections int                          // of a client under test without a fault
	packets     map[event.Direction][]packet // over UDP; nil: it is a stream
}

// A packet is a datagram of a conversation.
type packet struct {
	step  int
	bytes []byte
}

// newDatagramLayout is newLayout over UDP. answers are what the server under test has sent
// in each step; nil: what the dialogue says.
func newDatagramLayout(script *dialogue.Script, target scenario.Target, role scenario.Role, answers [][]byte) *layout {
	l := newLayout(script, target, scenario.Client, nil, nil, 0)
	l.case_.Role, l.packets = role, map[event.Direction][]packet{}
	for i, step := range script.Steps {
		if len(step.Send) > 0 || step.Receive != nil {
			l.packets[event.Upstream] = append(l.packets[event.Upstream], packet{i, step.Send})
		}
		answer, _ := step.Expect.SentBytes() // what is not known has no bytes to show
		if i < len(answers) {
			answer = answers[i]
		}
		if len(step.Expect) > 0 {
			l.packets[event.Downstream] = append(l.packets[event.Downstream], packet{i, answer})
		}
	}
	return l
}

// newLayout derives it from a script and what the server sent in the control run.
func newLayout(script *dialogue.Script, target scenario.Target, role scenario.Role, received []byte, ends []int64, greeting int64) *layout {
	c := scenario.ScriptedConversation(script)
	if role == scenario.Server {
		c.Downstream.Bytes = received
		c.Downstream.ExchangeEnds, c.Downstream.Greeting = ends, greeting
		if n := len(c.Downstream.MessageEnds); n == 0 || c.Downstream.MessageEnds[n-1] != int64(len(received)) {
			c.Downstream.MessageEnds = messageEnds(script.Framing, received, append([]int64{greeting}, ends...))
		}
	}
	return &layout{script: script, up: c.Upstream, down: c.Downstream,
		case_: scenario.Case{Target: target, Role: role, Conversation: c}}
}

// messageEnds tells where messages end in bytes that a pattern describes.
func messageEnds(f dialogue.Framing, all []byte, replies []int64) []int64 {
	var ends []int64
	for at := int64(0); at < int64(len(all)); {
		_, size, ok, err := f.FirstMessage(all[at:], true)
		if !ok || err != nil || size <= 0 {
			break
		}
		at += int64(size)
		ends = append(ends, at)
	}
	if len(ends) == 0 || ends[len(ends)-1] != int64(len(all)) {
		ends = append(ends, replies...)
	}
	slices.Sort(ends)
	ends = slices.Compact(ends)
	return slices.DeleteFunc(ends, func(at int64) bool { return at == 0 })
}

func (l *layout) stream(d event.Direction) scenario.Stream {
	if d == event.Downstream {
		return l.down
	}
	return l.up
}

// stepOf returns the step in which a point strikes.
func (l *layout) stepOf(p Point) int {
	if all := l.packets[p.Direction]; p.Datagram && p.Offset >= 1 && int(p.Offset) <= len(all) {
		return all[p.Offset-1].step
	}
	ends := l.stream(p.Direction).ExchangeEnds
	from := int64(0)
	for i, end := range ends {
		if p.liesIn(from, end) || p.Direction == event.Downstream && p.Offset <= end && !p.changesByte() {
			return i
		}
		from = end
	}
	return max(0, len(ends)-1)
}

// owes returns how many bytes the server has not sent to a client when a point strikes: a
// request that is whole has its answer by then.
func (l *layout) owes(p Point) int64 {
	sent := p.Offset
	if p.Direction == event.Upstream {
		sent = l.down.Greeting
		if n := l.up.ExchangesBefore(p.Offset); n > 0 {
			sent = l.down.ExchangeEnds[n-1]
		}
	}
	return l.down.ByteCount() - sent
}

// borders returns the offsets of a direction at which something ends or begins, and
// their neighbours: where faults are most likely to show.
func (l *layout) borders(d event.Direction) []int64 {
	if l.packets != nil {
		var all []int64
		for i := range l.packets[d] {
			all = append(all, int64(i+1))
		}
		return all
	}
	s := l.stream(d)
	n := s.ByteCount()
	all := []int64{0, 1, n - 1, n}
	for _, ends := range [][]int64{s.MessageEnds, s.ExchangeEnds} {
		for _, end := range ends {
			all = append(all, end-1, end, end+1)
		}
	}
	for _, p := range s.Parts {
		all = append(all, p.From, p.From+1, p.To-1, p.To)
	}
	all = slices.DeleteFunc(all, func(at int64) bool { return at < 0 || at > n })
	slices.Sort(all)
	return slices.Compact(all)
}
