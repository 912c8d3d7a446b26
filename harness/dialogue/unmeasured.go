package dialogue

import (
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/seed"
	"github.com/sockharness/harness/harness/strictyaml"
)

// endsWithStream reports whether the last message of b says neither how long it is nor
// that it is chunked, so that only the end of the stream ends it.
func (f Framing) endsWithStream(b []byte) bool {
	if f.Kind == UntilEOF {
		return len(b) > 0
	}
	for f.Kind == HTTP && len(b) > 0 {
		_, open, _ := f.measureFirst(b, nil, false)
		s, ok, err := f.measureFirst(b, nil, true)
		if !ok || err != nil {
			return false
		}
		if !open {
			return true
		}
		f, b = f.after(b[:s.totalSize()]), b[s.totalSize():]
	}
	return false
}

// RepliesEndWithStream reports whether only the end of the stream ends an answer, so
// that an answer cut short cannot be told from a whole one.
func (s *Script) RepliesEndWithStream() bool {
	if s.Framing.Kind != HTTP {
		return s.Framing.Kind == UntilEOF
	}
	for i, step := range s.Steps {
		b, _ := step.Expect.LiteralBytes()
		if s.Framing.AnsweringTo(s.sentBefore(event.Client, i)).endsWithStream(b) {
			return true
		}
	}
	return false
}

// checkUnmeasured refuses answers of HTTP that only the end of the stream ends, where
// the stream goes on.
func (c checker) checkUnmeasured(end *strictyaml.Node) {
	if c.d.Framing.Kind != HTTP {
		return
	}
	var request []byte // what has not been answered yet
	for i, e := range c.d.Exchanges {
		if i > 0 && c.d.Exchanges[i-1].Expect != nil {
			request = nil
		}
		request = append(request, c.literalOf(c.d.Framing.FromClient(), e.Send)...)
		if e.Expect == nil || !e.Expect.isLiteral() {
			continue
		}
		answer := c.literalOf(c.d.Framing, e.Expect)
		switch {
		case !c.d.Framing.AnsweringTo(request).endsWithStream(answer):
		case i < len(c.d.Exchanges)-1:
			c.reportBad(e.Expect, "the answer has no Content-Length and no chunks, so the end of the stream ends it, but another exchange follows", "add Content-Length")
		case c.d.End != ServerCloses && end != nil:
			c.dec.ReportError(end, "the last answer has no Content-Length and no chunks, so the close of the server ends it", `write "end: server closes"`)
		default:
			c.d.End = ServerCloses
		}
	}
}

// literalOf returns the bytes of a message, nil where they are not known.
func (c checker) literalOf(f Framing, m *Message) []byte {
	if m == nil || m.maxSize(f) > MaxBytes {
		return nil
	}
	p, err := m.ExpandPattern(f, seed.New(0).NewRand(), c.d.checkLookup())
	if err != nil {
		return nil
	}
	b, _ := p.LiteralBytes()
	return b
}
