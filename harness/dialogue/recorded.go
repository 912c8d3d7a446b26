package dialogue

import "slices"

// A replyBorder is where what the server says in one step ends in the stream that a client
// has received; step -1 is the greeting.
type replyBorder struct {
	step int
	end  int
}

// GreetingSize returns how many bytes the greeting had that a client received.
func (p Played) GreetingSize() int64 {
	for _, border := range p.borders {
		if border.step < 0 {
			return int64(border.end)
		}
	}
	return 0
}

// RequestsShifted reports whether requests of a script that captures had other lengths
// than those that end at the given offsets, one for each step.
func (p Played) RequestsShifted(ends []int64) bool {
	at := int64(0)
	for i, sent := range p.sends {
		at += int64(len(sent))
		if i < len(ends) && at != ends[i] {
			return true
		}
	}
	return false
}

// WithReplies returns the script with the bytes that p has received in place of those that
// the dialogue writes down, where it writes all of them down, and of a script that captures
// the bytes that were sent. Volatile bytes may have
// another length than in the dialogue (an ETag, a date), so that borders and offsets in
// the stream are those of a real conversation only. A script with a regex or any among
// its replies, and one that p did not complete, is returned as it is.
func (s *Script) WithReplies(p Played) *Script {
	if scripts := s.DataScripts(); len(scripts) > 0 && len(p.Data) == len(scripts) {
		for i, data := range p.Data {
			scripts[i] = scripts[i].WithReplies(data)
		}
		s = s.withData(scripts)
	}
	s = s.WithSends(p.sends)
	if _, ok := s.ReplyBytes(); !ok || p.Steps < len(s.Steps) {
		return s
	}
	recorded, at := *s, 0
	recorded.Steps = append([]Step(nil), s.Steps...)
	for _, border := range p.borders {
		said := Pattern{{SentBytes: p.Received[at:border.end]}}
		at = border.end
		if border.step < 0 {
			recorded.Greeting = said
		} else {
			recorded.Steps[border.step].Expect = said
		}
	}
	return &recorded
}

// WithSends returns the script with the requests that were sent in its steps, where it
// captures and these are all of them.
func (s *Script) WithSends(sends [][]byte) *Script {
	if !s.dynamic || len(sends) != len(s.Steps) {
		return s
	}
	real := *s
	real.Steps = slices.Clone(s.Steps)
	for i, sent := range sends {
		real.Steps[i].Send, real.Steps[i].source = sent, nil
	}
	return &real
}
