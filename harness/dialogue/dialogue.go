// Package dialogue is a conversation written down, and the two peers that hold
// it: who sends which bytes, what must come back, how messages are framed, who
// ends it.
//
//	d, err := dialogue.LoadFile("kv.yaml")
//	script, err := d.ResolveScript(seed.New(7))
//	played := script.PlayClient(ctx, conn, dialogue.Options{})
//
// A [Dialogue] is what a file says; a [Script] is a dialogue whose payloads are
// fixed by a seed: exactly what is on the wire. [Script.PlayClient] and
// [Script.PlayServer] hold the conversation over a connection and tell in
// [Played] how far it came, what differed and how the stream ended.
package dialogue

import (
	"regexp"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/strictyaml"
)

// MaxBytes is how many bytes one side of a dialogue may send in all.
const MaxBytes = 64 << 20

// A Dialogue is a conversation as its file tells it. [Parse] makes it.
type Dialogue struct {
	Name         string           `json:"dialogue" jsonschema:"required,description=Name of the dialogue."`
	Framing      Framing          `json:"framing,omitempty" jsonschema:"description=Where a message ends."`
	Greeting     *Message         `json:"greeting,omitempty" jsonschema:"description=What the server says first. Without: the client speaks first."`
	GreetingKeep Captures         `json:"-"` // what is kept of the greeting
	Exchanges    []Exchange       `json:"exchanges,omitempty" jsonschema:"description=What the client sends and what must come back in order."`
	End          End              `json:"end,omitempty" jsonschema:"description=Who ends the conversation and how."`
	Volatile     []*regexp.Regexp `json:"volatile,omitempty" jsonschema:"description=Regular expressions of bytes that may differ from run to run."`
	Order        Order            `json:"order,omitzero" jsonschema:"description=Which answers may come before others."`
	Skip         []*regexp.Regexp `json:"skip,omitempty" jsonschema:"description=Regular expressions of messages of the server that are left out: notifications\\, lines of a log."`
	File         string           `json:"-"` // name of the file; empty: none

	outer         map[string]bool  // names that the dialogue keeps of which this is a data connection
	node, endNode *strictyaml.Node // of a data connection: where it is written, and its end
}

// An Exchange is what the client sends and what must come back.
type Exchange struct {
	Send          *Message      `json:"send,omitempty" jsonschema:"description=What the client sends."`
	Expect        *Message      `json:"expect,omitempty" jsonschema:"description=What must come back."`
	ShutdownWrite bool          `json:"shutdown,omitempty" jsonschema:"description=The client half-closes after send."`
	Within        time.Duration `json:"within,omitempty" jsonschema:"description=How long the reply may take from the start of send."` // 0: no limit of its own
	Continues     *bool         `json:"continues,omitempty" jsonschema:"description=The request goes on in the next exchange."`        // nil: the dialogue does not say
	Once          bool          `json:"once,omitempty" jsonschema:"description=The request is sent once on a connection: no scenario repeats it."`
	Keep          Captures      `json:"keep,omitempty" jsonschema:"description=Names for groups of the regular expression: ${name} writes one."`

	StartTLS bool `json:"tls,omitempty" jsonschema:"description=After expect both sides begin TLS: what follows is said within it."`

	Connect *DataConnection `json:"connect,omitempty" jsonschema:"description=A second connection to a port that the server has told\\, opened before send. What is said there follows expect."`
	Listen  string          `json:"listen,omitempty" jsonschema:"description=Name of a port that harness as the server opens before expect: ${name} is its number\\, ${name.pair} the two numbers of PASV."`

	Line int `json:"-"` // line of the file

	keepSent, keepExpected Captures // Keep by the side that has the group
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
// a server needs the bytes of every reply, a client those of every request, and a
// regex or any has none. The error is of type [strictyaml.Errors].
func (d *Dialogue) PlayableAs(side event.Side) error {
	var dec strictyaml.Decoder
	if side != event.Server {
		for _, e := range d.Exchanges {
			if e.Send != nil && !e.Send.isLiteral() {
				dec.AddError(d.errorAt(e.Send, "a client cannot send a regex", "write the bytes; a regex in send is for a client under test"))
			}
		}
		d.playableConnects(&dec, side)
		return dec.Err()
	}
	told := d.Greeting != nil && len(d.Greeting.ownNames()) > 0
	for _, e := range d.Exchanges {
		if e.Expect != nil && len(e.Expect.ownNames()) > 0 {
			told = true // a client may give back what it was told
		}
		if e.Send != nil && len(e.Send.ownNames()) > 0 && !told {
			dec.AddError(d.errorAt(e.Send, "a client under test cannot use ${connection} or ${run}", "write the bytes that it sends; put what differs between runs into volatile"))
		}
	}
	check := func(m *Message) {
		if m != nil && !m.isLiteral() {
			dec.AddError(d.errorAt(m, "a server cannot send a regex or any", "write the bytes; put what differs between runs into volatile"))
		}
	}
	check(d.Greeting)
	for _, e := range d.Exchanges {
		check(e.Expect)
	}
	d.playableConnects(&dec, side)
	return dec.Err()
}

func (d *Dialogue) errorAt(m *Message, message, hint string) strictyaml.Error {
	return strictyaml.Error{File: d.File, Line: m.Line, Column: m.Column, Message: message, Hint: hint}
}
