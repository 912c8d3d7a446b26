// Package dialogue is a conversation written down, and the two peers that hold
// it: who sends which bytes, what must come back, how messages are framed, who
// ends it.
//
// A [Dialogue] is what a file says; a [Script] is a dialogue whose payloads are
// fixed by a seed: exactly what is on the wire. [Script.PlayClient] and
// [Script.PlayServer] hold the conversation over a connection and tell in
// [Played] how far it came, what differed and how the stream ended.
package dialogue

import (
	"regexp"
	"time"

	"github.com/sockharness/harness/harness/document"
	"github.com/sockharness/harness/harness/event"
)

// MaxBytes is how many bytes one side of a dialogue may send in all.
const MaxBytes = 64 << 20

// A Dialogue is a conversation as its file tells it. [Parse] makes it.
type Dialogue struct {
	Name      string
	Framing   Framing
	Greeting  *Message // what the server says first; nil: the client speaks first
	Exchanges []Exchange
	End       End
	Volatile  []*regexp.Regexp // what may differ from run to run
	File      string
}

// An Exchange is what the client sends and what must come back.
type Exchange struct {
	Send          *Message      // nil: nothing
	Expect        *Message      // nil: nothing
	ShutdownWrite bool          // the client half-closes after Send
	Within        time.Duration // how long the reply may take, from the start of Send; 0: no limit of its own
	Line          int
}

// An End is who ends the conversation after the last exchange, and how.
type End uint8

// The ends.
const (
	ClientCloses     End = iota // the client closes; the server sees FIN and closes too
	ServerCloses                // the server closes; the client waits for its FIN
	ClientHalfCloses            // the client sends FIN and waits for the server's
)

var ends = [...]string{"client closes", "server closes", "client half-closes"}

// String returns the end as it is written in a dialogue.
func (e End) String() string { return ends[e] }

// PlayableAs tells whether the harness can be the given side of the dialogue:
// a server needs the bytes of every reply, and a regex or any has none. The
// error is of type [document.Errors].
func (d *Dialogue) PlayableAs(side event.Side) error {
	if side != event.Server {
		return nil
	}
	var dec document.Decoder
	check := func(m *Message) {
		if m != nil && !m.literal() {
			dec.Add(d.errorAt(m, "a server cannot send a regex or any", "write the bytes, and what may differ in volatile"))
		}
	}
	check(d.Greeting)
	for _, e := range d.Exchanges {
		check(e.Expect)
	}
	return dec.Err()
}

func (d *Dialogue) errorAt(m *Message, message, hint string) document.Error {
	return document.Error{File: d.File, Line: m.Line, Column: m.Column, Message: message, Hint: hint}
}
