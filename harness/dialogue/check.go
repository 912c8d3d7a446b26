package dialogue

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"

	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/seed"
	"github.com/sockharness/harness/harness/strictyaml"
)

// A checker looks for what contradicts itself in a dialogue that is decoded.
type checker struct {
	dec  *strictyaml.Decoder
	d    *Dialogue
	root *strictyaml.Node
}

func (c checker) checkAll(end *strictyaml.Node) {
	if len(c.d.Exchanges) == 0 && c.d.Greeting == nil {
		c.dec.ReportError(c.root, "the dialogue has no exchanges and no greeting", "add exchanges")
		return
	}
	if c.d.Framing.Kind == UntilEOF && c.d.serverSpeaks() && c.d.End != ServerCloses {
		c.dec.ReportError(end, "the framing is until-eof, so the server's close is what ends its reply", `write "end: server closes"`)
	}
	c.checkUnmeasured(end)
	c.captures()
	c.keys()
	c.checkSizes()
	c.checkOrder()
	c.checkConnects()
	c.checkStartTLS()
	if c.dec.ErrorCount() == 0 {
		c.checkMessages()
	}
}

func (c checker) reportBad(m *Message, message, hint string) {
	c.dec.AddError(c.d.errorAt(m, message, hint))
}

func (c checker) checkSizes() {
	var sent, expected int64
	for _, e := range c.d.Exchanges {
		sent = c.checkSize(e.Send, sent)
		expected = c.checkSize(e.Expect, expected)
	}
	c.checkSize(c.d.Greeting, expected)
}

func (c checker) checkSize(m *Message, before int64) int64 {
	if m == nil {
		return before
	}
	n := m.maxSize(c.d.Framing)
	if before <= MaxBytes && before+n > MaxBytes {
		c.reportBad(m, fmt.Sprintf("one side of the dialogue sends more than %d MiB", MaxBytes>>20), "make it smaller")
	}
	if n == 0 && m.isLiteral() {
		c.reportBad(m, "no bytes", "leave it out")
	}
	return before + n
}

// checkOrder looks at who may speak when.
func (c checker) checkOrder() {
	shut := 0
	c.checkContinued()
	for i, e := range c.d.Exchanges {
		if shut > 0 && e.Send != nil {
			c.reportBad(e.Send, fmt.Sprintf("the client cannot send after it has half-closed in line %d", shut), "move the shutdown behind the last send")
		}
		if shut > 0 && e.ShutdownWrite {
			c.dec.AddError(strictyaml.Error{File: c.d.File, Line: e.Line, Column: 1, Message: fmt.Sprintf("the client has already half-closed in line %d", shut), Hint: "delete one"})
		}
		if e.ShutdownWrite && shut == 0 {
			shut = e.Line
		}
		if c.d.Framing.Kind == UntilEOF && e.Expect != nil && i < len(c.d.Exchanges)-1 && !e.Expect.isLiteral() {
			c.reportBad(e.Expect, "the framing is until-eof, so only the last exchange can expect any", "write the bytes")
		}
	}
	if c.d.Framing.Kind == UntilEOF && len(c.d.Exchanges) > 1 && shut == 0 {
		c.reportBad(firstOf(c.d.Exchanges[1]), "the framing is until-eof, so there is one exchange", "use another framing, or half-close with shutdown: write")
	}
	if c.d.Framing.Kind == UntilEOF && c.d.Greeting != nil && !c.d.Greeting.isLiteral() {
		c.reportBad(c.d.Greeting, "the framing is until-eof, so any cannot match a greeting", "write the bytes")
	}
}

// checkContinued refuses a request that goes on where nothing more is sent.
func (c checker) checkContinued() {
	for i, e := range c.d.Exchanges {
		sendsMore := slices.ContainsFunc(c.d.Exchanges[i+1:], func(next Exchange) bool { return next.Send != nil })
		if e.Continues == nil || !*e.Continues || sendsMore {
			continue
		}
		c.dec.AddError(strictyaml.Error{File: c.d.File, Line: e.Line, Column: 1,
			Message: "the request continues, and nothing is sent after this exchange", Hint: "delete continues, or add the exchange that ends the request"})
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

// checkMessages looks at the bytes of one seed; those of another differ only where
// they are random, and random bytes never hold a delimiter.
func (c checker) checkMessages() {
	c.checkMessage(c.d.Framing, c.d.Greeting, false)
	var asked []byte // what has not been answered yet
	for _, e := range c.d.Exchanges {
		asked = append(asked, c.checkMessage(c.d.Framing.FromClient(), e.Send, !e.ShutdownWrite)...)
		if e.Expect != nil {
			c.checkMessage(c.d.Framing.AnsweringTo(asked), e.Expect, false)
			asked = nil
		}
	}
}

// checkMessage checks the elements of m and returns its bytes, if they are known. A last line may lack its end where it is a
// prompt, or the client's last before FIN; not if the server would wait for it.
func (c checker) checkMessage(f Framing, m *Message, mustEnd bool) []byte {
	if m == nil {
		return nil
	}
	p, err := m.ExpandPattern(f, seed.New(0).NewRand(), c.d.checkLookup())
	if err != nil {
		c.reportBad(m, err.Error(), "")
		return nil
	}
	for i, e := range p {
		switch {
		case e.OneOf != nil:
			c.checkOneOf(f, m, e)
		case e.Any && c.d.Framing.Kind == None:
			c.reportBad(m, "any means one message, and framing: none defines no messages", "give a framing, or write the bytes")
		case e.Regex != nil:
			c.checkRegex(m, e.Regex)
		case !e.Any:
			c.checkWhole(f, m, e.SentBytes, mustEnd || i < len(p)-1)
		}
	}
	sent, _ := p.LiteralBytes()
	return sent
}

// checkLookup gives every name that the dialogue may write a value of some length.
func (d *Dialogue) checkLookup() Lookup {
	kept, known := d.keptNames(), NewKeys("").lookup("connection")
	return func(name string) ([]byte, bool) {
		if kept[name] {
			return []byte("captured"), true
		}
		return known(name)
	}
}

// checkOneOf checks each alternative as if it were all that is expected.
func (c checker) checkOneOf(f Framing, m *Message, e Element) {
	for _, one := range e.OneOf {
		for _, e := range one {
			switch {
			case e.Any && f.Kind == None:
				c.reportBad(m, "any means one message, and framing: none defines no messages", "give a framing, or write the bytes")
			case e.Regex != nil:
				c.checkRegex(m, e.Regex)
			case !e.Any && e.OneOf == nil:
				c.checkWhole(f, m, e.SentBytes, false)
			}
		}
	}
}

// checkWhole checks that bytes are messages of the framing.
func (c checker) checkWhole(f Framing, m *Message, b []byte, mustEnd bool) {
	switch f.Kind {
	case None, UntilEOF:
	case Fixed:
		if len(b)%f.Size != 0 {
			c.reportBad(m, fmt.Sprintf("%s, but the framing is fixed at %s", plural.Count(len(b), "byte"), plural.Count(f.Size, "byte")), "make it whole messages")
		}
	case Line:
		if mustEnd && !strings.HasSuffix(string(b), f.delimiterText()) {
			c.reportBad(m, "the line has no line end", fmt.Sprintf("end it with %q, or write {message: …}", f.delimiterText()))
		}
	default:
		c.checkMeasured(f, m, b)
	}
}

// checkMeasured checks that bytes are whole messages of a framing that measures them.
func (c checker) checkMeasured(f Framing, m *Message, b []byte) {
	for at := 0; at < len(b); {
		s, ok, err := f.measureFirst(b[at:], nil, true)
		if err == nil && (!ok || s.totalSize() == 0) {
			err = fmt.Errorf("the message that begins at byte %d is not complete", at)
		}
		if err != nil {
			hint := "write {message: …} to have the frame added"
			if f.Kind == LengthPrefix {
				hint = "write {message: …} to have the length prefix added"
			}
			c.reportBad(m, err.Error(), hint)
			return
		}
		f, at = f.after(b[at:at+s.totalSize()]), at+s.totalSize()
	}
}

// checkRegex refuses, where nothing but the expression tells how long the message
// is, one that depends on what follows the message.
func (c checker) checkRegex(m *Message, re *regexp.Regexp) {
	if _, err := anchorRegex(re, true); err != nil {
		c.reportBad(m, fmt.Sprintf("the regular expression is too large: %v", err), "make it simpler")
	}
	if c.d.Framing.Kind != None {
		return
	}
	if re.MatchString("") {
		c.reportBad(m, "the expression also matches zero bytes, which framing: none does not allow", "end it with what ends the message")
		return
	}
	tree, err := syntax.Parse(re.String(), syntax.Perl)
	if err == nil && looksAhead(tree) {
		c.reportBad(m, `with the framing none, $, \z and \b cannot be decided before more bytes arrive`, "end the expression with what ends the message")
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
