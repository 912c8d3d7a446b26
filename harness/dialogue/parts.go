package dialogue

// A Part is a range of one side's bytes: the header, the body or the delimiter
// of a message.
type Part struct {
	Kind     string // header, body or delimiter
	Message  int    // number of the message on its side, from 0
	From, To int64  // offsets in the side's stream; To is the first byte after it
}

// Requests returns all bytes of the client, in order.
func (s *Script) Requests() []byte {
	var all []byte
	for _, step := range s.Steps {
		all = append(all, step.Send...)
	}
	return all
}

// Replies returns all bytes of the server, the greeting first. ok is false if a
// regex or any is among them; then it returns what precedes it.
func (s *Script) Replies() (b []byte, ok bool) {
	for _, one := range s.replies() {
		literal, ok := one.Literal()
		b = append(b, literal...)
		if !ok {
			return b, false
		}
	}
	return b, true
}

func (s *Script) replies() []Pattern {
	all := []Pattern{s.Greeting}
	for _, step := range s.Steps {
		all = append(all, step.Expect)
	}
	return all
}

// RequestBoundaries returns the offsets in Requests at which a message ends.
func (s *Script) RequestBoundaries() []int64 { return boundaries(s.RequestParts()) }

// ReplyBoundaries returns the offsets in Replies at which a message ends.
func (s *Script) ReplyBoundaries() []int64 { return boundaries(s.ReplyParts()) }

// RequestParts returns the parts of the client's messages in order, without
// empty ones. Bytes that the framing does not tell apart are one body per step.
func (s *Script) RequestParts() []Part {
	var c cutter
	for _, step := range s.Steps {
		c.add(s.Framing, step.Send)
	}
	return c.parts
}

// ReplyParts returns the parts of the server's messages in order, up to the
// first regex or any.
func (s *Script) ReplyParts() []Part {
	var c cutter
	for _, p := range s.replies() {
		b, ok := p.Literal()
		c.add(s.Framing, b)
		if !ok {
			break
		}
	}
	return c.parts
}

func boundaries(parts []Part) []int64 {
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

func (c *cutter) add(f Framing, b []byte) {
	for len(b) > 0 {
		s, ok, err := f.cut(b, 0, true)
		if !ok || err != nil || s.size() == 0 {
			s = span{body: len(b)}
		}
		c.part("header", s.header)
		c.part("body", s.body)
		c.part("delimiter", s.delimiter)
		c.messages++
		b = b[s.size():]
	}
}

func (c *cutter) part(kind string, size int) {
	if size == 0 {
		return
	}
	c.parts = append(c.parts, Part{Kind: kind, Message: c.messages, From: c.at, To: c.at + int64(size)})
	c.at += int64(size)
}
