package dialogue

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"

	"github.com/sockharness/harness/harness/strictyaml"
)

// An Order says in which order answers come.
type Order struct {
	// Tag finds in a request, and in its answer, what ties the two: its first group, or all
	// of the match. Answers may then come in any order. Nil: in that of the requests.
	Tag *regexp.Regexp `json:"tag,omitempty" jsonschema:"required,description=Regular expression that finds the same word in a request and in its answer: answers may come in any order."`
}

// An arranger puts what a server sends into the order of the requests, and leaves out what
// the dialogue skips. It holds whole messages back whose turn has not come.
type arranger struct {
	framing  Framing
	tag      *regexp.Regexp // nil: answers come in order
	skip     []*regexp.Regexp
	awaited  []string // the tags of requests without an answer yet
	early    []tagged // answers before their turn
	partial  []byte   // a message of which the end has not come
	measured progress
	lost     bool // where messages end is not known any more
}

// A tagged is an answer with its tag.
type tagged struct {
	tag     string
	message []byte
}

// newArranger returns nil where there is nothing to arrange.
func (s *Script) newArranger() *arranger {
	if s.Tag == nil && len(s.Skip) == 0 {
		return nil
	}
	return &arranger{framing: s.Framing, tag: s.Tag, skip: s.Skip}
}

// tagOf returns what ties a request to its answer, "" where there is nothing.
func tagOf(re *regexp.Regexp, message []byte) string {
	if re == nil {
		return ""
	}
	found := re.FindSubmatch(message)
	if len(found) == 0 {
		return ""
	}
	return string(found[min(1, len(found)-1)])
}

// noteAsked notes the requests in what the client sends.
func (a *arranger) noteAsked(sent []byte) {
	f := a.framing.FromClient()
	for len(sent) > 0 {
		s, ok, err := f.measureFirst(sent, nil, true)
		if err != nil || !ok || s.totalSize() == 0 {
			return // a piece of a message, which a scenario has cut
		}
		if tag := tagOf(a.tag, sent[:s.totalSize()]); tag != "" {
			a.awaited = append(a.awaited, tag)
		}
		sent = sent[s.totalSize():]
	}
}

// arrange takes bytes as they arrive, and returns those whose turn it is.
func (a *arranger) arrange(b []byte) (out []byte) {
	if a.lost {
		return b
	}
	a.partial = append(a.partial, b...)
	for len(a.partial) > 0 {
		s, ok, err := a.framing.measureFirst(a.partial, &a.measured, false)
		if err != nil {
			a.lost = true
			return append(out, a.release()...)
		}
		if !ok {
			return out
		}
		message := bytes.Clone(a.partial[:s.totalSize()])
		a.partial, a.measured = a.partial[s.totalSize():], progress{}
		out = a.place(out, message)
	}
	return out
}

// place appends the message, and those that waited for it, if it is its turn.
func (a *arranger) place(out, message []byte) []byte {
	if a.isSkipped(message) {
		return out
	}
	tag := tagOf(a.tag, message)
	if !slices.Contains(a.awaited, tag) {
		return append(out, message...) // no answer to anything: the dialogue decides
	}
	a.early = append(a.early, tagged{tag, message})
	for len(a.awaited) > 0 {
		i := slices.IndexFunc(a.early, func(t tagged) bool { return t.tag == a.awaited[0] })
		if i < 0 {
			break
		}
		out = append(out, a.early[i].message...)
		a.early, a.awaited = slices.Delete(a.early, i, i+1), a.awaited[1:]
	}
	return out
}

func (a *arranger) isSkipped(message []byte) bool {
	return slices.ContainsFunc(a.skip, func(re *regexp.Regexp) bool { return re.Match(message) })
}

// release returns what was held back, when no more comes.
func (a *arranger) release() (out []byte) {
	for _, t := range a.early {
		out = append(out, t.message...)
	}
	out = append(out, a.partial...)
	a.early, a.partial = nil, nil
	return out
}

// WithoutSkipped returns the bytes of a server without the messages that the dialogue skips.
func (s *Script) WithoutSkipped(b []byte) []byte {
	kept, _ := s.keptBytes(b)
	return kept
}

// keptBytes returns b without the messages that the dialogue skips, and for an offset in
// that the one in b.
func (s *Script) keptBytes(b []byte) (kept []byte, place func(int) int) {
	if len(s.Skip) == 0 {
		return b, func(at int) int { return at }
	}
	type border struct{ kept, raw int }
	a := arranger{skip: s.Skip}
	var borders []border // where a message that was kept begins
	rest := b
	for len(rest) > 0 {
		size := len(rest)
		if m, ok, err := s.Framing.measureFirst(rest, nil, false); err == nil && ok && m.totalSize() > 0 {
			size = m.totalSize()
		}
		if message := rest[:size]; !a.isSkipped(message) {
			borders = append(borders, border{len(kept), len(b) - len(rest)})
			kept = append(kept, message...)
		}
		rest = rest[size:]
	}
	return kept, func(at int) int {
		for i := len(borders) - 1; i >= 0; i-- {
			if borders[i].kept < at || at == 0 && borders[i].kept == 0 {
				return borders[i].raw + at - borders[i].kept
			}
		}
		return at
	}
}

// readOrder reads {tag: REGEX}.
func (r Reader) readOrder(n *strictyaml.Node) (o Order) {
	r.DecodeFields(n, map[string]func(*strictyaml.Node){
		"tag": func(n *strictyaml.Node) { o.Tag = r.CompileRegexp(n) },
	}, "tag")
	return o
}

// readSkip reads the expressions of messages that the dialogue leaves out.
func (r Reader) readSkip(n *strictyaml.Node) []*regexp.Regexp {
	return r.readExpressions(n, "the regular expression matches every message")
}

// checkArranged refuses what cannot be put into order: messages must end by themselves, and
// what is expected must not be skipped.
func (c checker) checkArranged(order, skip *strictyaml.Node) {
	at, key := order, "order"
	if at == nil {
		at, key = skip, "skip"
	}
	if at == nil || c.dec.ErrorCount() > 0 {
		return
	}
	switch c.d.Framing.Kind {
	case None, UntilEOF, HTTP, WebSocket:
		c.dec.ReportError(at, fmt.Sprintf("%s needs to know where each message ends, and the framing is %s", key, c.d.Framing.Kind), "give a framing such as line, content-length or length-prefix")
		return
	}
	a := arranger{skip: c.d.Skip}
	for _, e := range c.d.Exchanges {
		answer := c.literalBytes(e.Expect)
		if answer != nil && a.isSkipped(answer) {
			c.reportBad(e.Expect, "the exchange expects a message that skip leaves out", "narrow the expression in skip")
		}
		c.checkTag(e, c.literalBytes(e.Send), answer)
	}
}

// literalBytes returns the bytes of a message, nil where they are not known before the
// conversation or there is none.
func (c checker) literalBytes(m *Message) []byte {
	if m == nil || !m.isLiteral() {
		return nil
	}
	p, err := m.ExpandPattern(c.d.Framing, nil, c.d.checkLookup())
	if err != nil {
		return nil
	}
	b, err := p.SentBytes()
	if err != nil {
		return nil
	}
	return b
}

// checkTag refuses a request that has another tag than its answer: the two would not be tied,
// and each answer that comes in another order would be a wrong one.
func (c checker) checkTag(e Exchange, request, answer []byte) {
	tag, other := tagOf(c.d.Order.Tag, request), tagOf(c.d.Order.Tag, answer)
	if tag == "" || other == "" {
		return
	}
	for rest := answer; len(rest) > 0; {
		size := len(rest)
		if m, ok, err := c.d.Framing.measureFirst(rest, nil, false); err == nil && ok && m.totalSize() > 0 {
			size = m.totalSize()
		}
		if tagOf(c.d.Order.Tag, rest[:size]) == tag {
			return
		}
		rest = rest[size:]
	}
	c.reportBad(e.Expect, fmt.Sprintf("the tag of order is %q in the request and %q in its answer", tag, other),
		"the expression sees whole messages, with their header: narrow it to the id")
}

// WithTag returns a step of the script, from 0, with another tag in its request and in its
// answer: protocols with ids refuse one that is in use. It reports false where the step
// has no tag, its answer is not known byte by byte, or a message tells its own length.
func (s *Script) WithTag(step int, tag string) (Step, bool) {
	one := s.Steps[step]
	answer, known := one.Expect.LiteralBytes()
	if s.Tag == nil || s.Framing.Kind != Line || !known {
		return one, false
	}
	sent, inRequest := replaceTag(s.Tag, one.Send, tag)
	answer, inAnswer := replaceTag(s.Tag, answer, tag)
	one.Send, one.Expect, one.source = sent, Pattern{{SentBytes: answer}}, nil
	return one, inRequest && inAnswer
}

// replaceTag writes another tag into a message.
func replaceTag(re *regexp.Regexp, message []byte, tag string) ([]byte, bool) {
	at := re.FindSubmatchIndex(message)
	if at == nil {
		return message, false
	}
	from, to := at[0], at[1]
	if len(at) > 2 && at[2] >= 0 {
		from, to = at[2], at[3]
	}
	return slices.Concat(message[:from], []byte(tag), message[to:]), true
}
