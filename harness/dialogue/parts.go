package dialogue

import "github.com/sockharness/harness/harness/event"

// A Part is a range of one side's bytes: the header, the body or the delimiter
// of a message.
type Part struct {
	Kind     string // header, body or delimiter
	Message  int    // number of the message on its side, from 0
	From, To int64  // offsets in the side's stream; To is the first byte after it
}

// RequestBytes returns all bytes of the client, in order.
func (s *Script) RequestBytes() []byte {
	var all []byte
	for _, step := range s.Steps {
		all = append(all, step.Send...)
	}
	return all
}

// ReplyBytes returns all bytes of the server, the greeting first. ok is false if a
// regex or any is among them; then it returns what precedes it.
func (s *Script) ReplyBytes() (b []byte, ok bool) {
	for _, one := range s.replyPatterns() {
		literal, ok := one.LiteralBytes()
		b = append(b, literal...)
		if !ok {
			return b, false
		}
	}
	return b, true
}

func (s *Script) replyPatterns() []Pattern {
	all := []Pattern{s.Greeting}
	for _, step := range s.Steps {
		all = append(all, step.Expect)
	}
	return all
}

// RequestBoundaries returns the offsets in Requests at which a message ends.
func (s *Script) RequestBoundaries() []int64 { return partBoundaries(s.RequestParts()) }

// ReplyBoundaries returns the offsets in Replies at which a message ends.
func (s *Script) ReplyBoundaries() []int64 { return partBoundaries(s.ReplyParts()) }

// RequestEnds returns the offsets in Requests at which what the client sends in
// each step ends, one for each step.
func (s *Script) RequestEnds() []int64 {
	ends, at := make([]int64, 0, len(s.Steps)), int64(0)
	for _, step := range s.Steps {
		at += int64(len(step.Send))
		ends = append(ends, at)
	}
	return ends
}

// ReplyEnds returns how long the greeting is, and the offsets in Replies at which
// the reply of each step ends: one for each step, up to the first regex or any.
func (s *Script) ReplyEnds() (greeting int64, ends []int64) {
	opening, ok := s.Greeting.LiteralBytes()
	at := int64(len(opening))
	for i := 0; ok && i < len(s.Steps); i++ {
		var reply []byte
		if reply, ok = s.Steps[i].Expect.LiteralBytes(); ok {
			at += int64(len(reply))
			ends = append(ends, at)
		}
	}
	return int64(len(opening)), ends
}

// RequestParts returns the parts of the client's messages in order, without
// empty ones. Bytes that the framing does not tell apart are one body per step.
func (s *Script) RequestParts() []Part {
	var c cutter
	for _, step := range s.Steps {
		c.addBytes(s.Framing, step.Send)
	}
	return c.parts
}

// ReplyParts returns the parts of the server's messages in order, up to the
// first regex or any.
func (s *Script) ReplyParts() []Part {
	var c cutter
	for i, p := range s.replyPatterns() {
		b, ok := p.LiteralBytes()
		f := s.Framing
		if i > 0 {
			f = f.AnsweringTo(s.sentBefore(event.Client, i-1))
		}
		c.addBytes(f, b)
		if !ok {
			break
		}
	}
	return c.parts
}

func partBoundaries(parts []Part) []int64 {
	var all []int64
	for i, p := range parts {
		if i == len(parts)-1 || parts[i+1].Message != p.Message {
			all = append(all, p.To)
		}
	}
	return all
}

// A cutter collects the parts of one side's messages.
type cutter struct {
	parts    []Part
	at       int64
	messages int
}

func (c *cutter) addBytes(f Framing, b []byte) {
	for len(b) > 0 {
		s, ok, err := f.measureFirst(b, nil, true)
		if !ok || err != nil || s.totalSize() == 0 {
			s = span{body: len(b)}
		}
		c.addPart("header", s.header)
		c.addPart("body", s.body)
		c.addPart("delimiter", s.delimiter)
		c.messages++
		f, b = f.after(b[:s.totalSize()]), b[s.totalSize():]
	}
}

func (c *cutter) addPart(kind string, size int) {
	if size == 0 {
		return
	}
	c.parts = append(c.parts, Part{Kind: kind, Message: c.messages, From: c.at, To: c.at + int64(size)})
	c.at += int64(size)
}
