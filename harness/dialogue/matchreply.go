package dialogue

import "github.com/sockharness/harness/harness/event"

// A ReplyMatch is what [Script.MatchReply] finds.
type ReplyMatch uint8

// What is known of the bytes that were received.
const (
	ReplyUndecided ReplyMatch = iota // right so far, and more must come
	ReplyMatched
	ReplyDiffers
)

// MatchReply holds received bytes against the reply of a step, -1 for the greeting,
// for players that read a connection themselves. b begins where the reply begins; eof
// says that no more comes. What the step keeps is kept, see [Script.ForConnection]. After [ReplyMatched] n is the length of the reply, after
// [ReplyDiffers] the offset in b of the first wrong byte.
func (s *Script) MatchReply(step int, b []byte, eof bool) (n int, match ReplyMatch) {
	pattern, keep := s.Greeting, s.greetingKeep
	if step >= 0 {
		pattern, keep = s.StepNow(step).Expect, s.Steps[step].keepExpected
	}
	b, place := s.keptBytes(b)
	if len(s.Volatile) == 0 && len(pattern) == 1 && pattern[0].isLiteral() {
		n, match = matchExact(pattern[0].SentBytes, b)
	} else {
		n, match = s.matchWith(s.newMatcher(pattern, s.sentBefore(event.Client, step)), b, eof, keep)
	}
	return place(n), match
}

func (s *Script) matchWith(m *matcher, b []byte, eof bool, keep Captures) (n int, match ReplyMatch) {
	switch m.advanceMatch(b, eof) {
	case matched:
		if s.values != nil {
			s.values.keep(keep, m.groups)
		}
		return m.at, ReplyMatched
	case differs:
		return m.diff.at, ReplyDiffers
	}
	return 0, ReplyUndecided
}

func matchExact(want, b []byte) (n int, match ReplyMatch) {
	same := CommonPrefix(want, b)
	switch {
	case same == len(want):
		return same, ReplyMatched
	case same == len(b):
		return 0, ReplyUndecided
	}
	return same, ReplyDiffers
}

// DescribeReply tells how received bytes differ from the reply of a step, -1 for the
// greeting, len(Steps) for what comes after the last one: as text and, around the first
// wrong byte at offset at of b, as hex. base is where b begins in the stream.
func (s *Script) DescribeReply(step, at int, b []byte, base int64) string {
	pattern := s.Greeting
	switch {
	case step >= len(s.Steps):
		pattern = nil
	case step >= 0:
		pattern = s.StepNow(step).Expect
	}
	return s.newMismatch(event.Client, step, base, pattern, append([]byte(nil), b...), &difference{at: at}).Error()
}

// MatchRequest is [Script.MatchReply] for what the client sends in a step.
func (s *Script) MatchRequest(step int, b []byte, eof bool) (n int, match ReplyMatch) {
	now := s.StepNow(step)
	if len(s.Volatile) == 0 && now.Receive == nil {
		return matchExact(now.Send, b)
	}
	return s.matchWith(s.newMatcher(now.requestPattern(), s.sentBefore(event.Server, step)), b, eof, now.keepSent)
}

// StepNow returns a step, from 0, with what was kept on the connection up to now, see
// [Script.ForConnection].
func (s *Script) StepNow(step int) Step { return s.expandStep(step) }

// Asks reports whether the client sends something in a step.
func (s Step) Asks() bool { return len(s.Send) > 0 || s.Receive != nil }
