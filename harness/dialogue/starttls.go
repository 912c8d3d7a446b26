package dialogue

import (
	"errors"
	"slices"

	"github.com/sockharness/harness/harness/strictyaml"
)

var errStartTLS = errors.New("the dialogue begins TLS after an exchange (tls: start), which only harness run and harness explore can do")

// StartsTLS reports whether the conversation goes on in TLS after one of its exchanges, as
// STARTTLS has it.
func (d *Dialogue) StartsTLS() bool {
	return slices.ContainsFunc(d.Exchanges, func(e Exchange) bool { return e.StartTLS })
}

// SplitTLS returns what is said before TLS, nil where TLS begins with the connection or there
// is none, and what is said from then on.
func (d *Dialogue) SplitTLS() (before, rest *Dialogue) {
	at := slices.IndexFunc(d.Exchanges, func(e Exchange) bool { return e.StartTLS })
	if at < 0 {
		return nil, d
	}
	first, second := *d, *d
	first.Exchanges, first.End = d.Exchanges[:at+1], ClientCloses
	second.Exchanges, second.Greeting, second.GreetingKeep = d.Exchanges[at+1:], nil, nil
	return &first, &second
}

// readStartTLS reads "start".
func (r Reader) readStartTLS(n *strictyaml.Node) bool { return r.OneOf(n, "start") == "start" }

// checkStartTLS looks at where TLS begins.
func (c checker) checkStartTLS() {
	begun := false
	bad := func(e Exchange, message, hint string) {
		c.dec.AddError(strictyaml.Error{File: c.d.File, Line: e.Line, Column: 1, Message: message, Hint: hint})
	}
	for i, e := range c.d.Exchanges {
		switch {
		case !e.StartTLS:
		case begun:
			bad(e, "TLS has already begun", "delete tls: start")
		case e.Expect == nil || e.ShutdownWrite || e.Connect != nil || e.Listen != "":
			bad(e, "TLS begins when the server has agreed, and nothing else is under way", "write {send: …, expect: …, tls: start}")
		case i == len(c.d.Exchanges)-1:
			bad(e, "nothing is said in TLS", "add the exchanges that follow")
		case c.d.Framing.Kind == UntilEOF:
			bad(e, "the framing is until-eof, so the answer before TLS has no end", "use another framing")
		}
		begun = begun || e.StartTLS
	}
	before, rest := c.d.SplitTLS()
	if before == nil || c.dec.ErrorCount() > 0 {
		return
	}
	kept, again := before.ownKept(), rest.ownKept()
	for _, m := range rest.all() {
		for _, name := range m.namesAmong(kept) {
			if kept[name] && !again[name] {
				c.reportBad(m, "${"+name+"} is kept before TLS, and cannot be written within it", "keep it again behind tls: start")
			}
		}
	}
}
