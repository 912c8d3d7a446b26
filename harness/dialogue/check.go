package dialogue

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"

	"github.com/sockharness/harness/harness/chance"
	"github.com/sockharness/harness/harness/document"
)

// A checker looks for what contradicts itself in a dialogue that is decoded.
type checker struct {
	dec  *document.Decoder
	d    *Dialogue
	root *document.Node
}

func (c checker) check(end *document.Node) {
	if len(c.d.Exchanges) == 0 && c.d.Greeting == nil {
		c.dec.Report(c.root, "nobody says anything", "add exchanges")
		return
	}
	if c.d.Framing.Kind == UntilEOF && c.d.answers() && c.d.End != ServerCloses {
		c.dec.Report(end, "the framing is until-eof, so the server's close is what ends its reply", `write "end: server closes"`)
	}
	c.sizes()
	c.order()
	if c.dec.Failed() == 0 {
		c.messages()
	}
}

func (c checker) bad(m *Message, message, hint string) {
	c.dec.Add(c.d.errorAt(m, message, hint))
}

func (c checker) sizes() {
	var sent, expected int64
	for _, e := range c.d.Exchanges {
		sent = c.size(e.Send, sent)
		expected = c.size(e.Expect, expected)
	}
	c.size(c.d.Greeting, expected)
}

func (c checker) size(m *Message, before int64) int64 {
	if m == nil {
		return before
	}
	n := m.size(c.d.Framing)
	if before <= MaxBytes && before+n > MaxBytes {
		c.bad(m, fmt.Sprintf("one side of the dialogue sends more than %d MiB", MaxBytes>>20), "make it smaller")
	}
	if n == 0 && m.literal() {
		c.bad(m, "no bytes", "leave it out")
	}
	return before + n
}

// order looks at who may speak when.
func (c checker) order() {
	shut := 0
	for i, e := range c.d.Exchanges {
		if shut > 0 && e.Send != nil {
			c.bad(e.Send, fmt.Sprintf("the client cannot send after it has half-closed in line %d", shut), "move the shutdown behind the last send")
		}
		if shut > 0 && e.ShutdownWrite {
			c.dec.Add(document.Error{File: c.d.File, Line: e.Line, Column: 1, Message: fmt.Sprintf("the client has already half-closed in line %d", shut), Hint: "delete one"})
		}
		if e.ShutdownWrite && shut == 0 {
			shut = e.Line
		}
		if c.d.Framing.Kind == UntilEOF && e.Expect != nil && i < len(c.d.Exchanges)-1 && !e.Expect.literal() {
			c.bad(e.Expect, "the framing is until-eof, so only the last exchange can take what comes", "write the bytes")
		}
	}
	if c.d.Framing.Kind == UntilEOF && len(c.d.Exchanges) > 1 && shut == 0 {
		c.bad(firstOf(c.d.Exchanges[1]), "the framing is until-eof, so there is one exchange", "use another framing, or half-close with shutdown: write")
	}
	if c.d.Framing.Kind == UntilEOF && c.d.Greeting != nil && !c.d.Greeting.literal() {
		c.bad(c.d.Greeting, "the framing is until-eof, so a greeting has no end of its own", "write the bytes")
	}
}

func firstOf(e Exchange) *Message {
	switch {
	case e.Send != nil:
		return e.Send
	case e.Expect != nil:
		return e.Expect
	}
	return &Message{Line: e.Line, Column: 1}
}

// messages looks at the bytes of one seed; those of another differ only where
// they are random, and random bytes never hold a delimiter.
func (c checker) messages() {
	c.message(c.d.Greeting, false)
	for _, e := range c.d.Exchanges {
		c.message(e.Send, !e.ShutdownWrite)
		c.message(e.Expect, false)
	}
}

// message checks the elements of m. A last line may lack its end where it is a
// prompt, or the client's last before FIN; not if the server would wait for it.
func (c checker) message(m *Message, mustEnd bool) {
	if m == nil {
		return
	}
	p, err := m.Pattern(c.d.Framing, chance.New(0).Rand())
	if err != nil {
		c.bad(m, err.Error(), "")
		return
	}
	for i, e := range p {
		switch {
		case e.Any && c.d.Framing.Kind == None:
			c.bad(m, "any is one message of the framing, and the framing is none", "name the framing, or write the bytes")
		case e.Regex != nil:
			c.regex(m, e.Regex)
		case !e.Any:
			c.whole(m, e.Bytes, mustEnd || i < len(p)-1)
		}
	}
}

// whole checks that bytes are messages of the framing.
func (c checker) whole(m *Message, b []byte, mustEnd bool) {
	f := c.d.Framing
	switch f.Kind {
	case Fixed:
		if len(b)%f.Size != 0 {
			c.bad(m, fmt.Sprintf("%d bytes where the framing is fixed at %d", len(b), f.Size), "make it whole messages")
		}
	case LengthPrefix:
		c.prefixes(m, b)
	case Line:
		if mustEnd && !strings.HasSuffix(string(b), f.delimiter()) {
			c.bad(m, "the line has no end", fmt.Sprintf("end it with %q, or write {message: …}", f.delimiter()))
		}
	}
}

func (c checker) prefixes(m *Message, b []byte) {
	f := c.d.Framing
	for at := 0; at < len(b); {
		s, ok, err := f.cut(b[at:], 0, true)
		if err == nil && !ok {
			err = fmt.Errorf("the message that begins at byte %d is not complete", at)
		}
		if err != nil {
			c.bad(m, err.Error(), "write {message: …} to have the length prefix added")
			return
		}
		at += s.size()
	}
}

// regex refuses, where nothing but the expression tells how long the message
// is, one that depends on what follows the message.
func (c checker) regex(m *Message, re *regexp.Regexp) {
	if _, err := anchored(re, true); err != nil {
		c.bad(m, fmt.Sprintf("the regular expression is too large: %v", err), "make it simpler")
	}
	if c.d.Framing.Kind != None {
		return
	}
	if re.MatchString("") {
		c.bad(m, "the framing is none and the expression is matched by no bytes at all", "end it with what ends the message")
		return
	}
	tree, err := syntax.Parse(re.String(), syntax.Perl)
	if err == nil && looksAhead(tree) {
		c.bad(m, `the framing is none, so $, \z and \b cannot be known before more arrives`, "end the expression with what ends the message")
	}
}

func looksAhead(re *syntax.Regexp) bool {
	switch re.Op {
	case syntax.OpEndLine, syntax.OpEndText, syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		return true
	}
	for _, sub := range re.Sub {
		if looksAhead(sub) {
			return true
		}
	}
	return false
}
