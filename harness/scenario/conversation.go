package scenario

import (
	"bytes"
	"time"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/event"
)

// A Conversation is what two peers say to each other when nothing is in the
// way: the control of a target.
type Conversation struct {
	Script     *dialogue.Script // nil when neither side is a dialogue
	Upstream   Stream           // what the client sends
	Downstream Stream           // what the server sends
	ControlRun                  // how the peers ran meanwhile
	State      State            // what conversations share
	Beside     *dialogue.Script // what another client may say at any time although conversations share state; nil: nothing
	Staggered  int              // exchanges that a second client may hold, each after one more of the first; where conversations share state
	Data       []Conversation   // what is said on each data connection
	Before     *Conversation    // what is said before TLS; nil: nothing is
}

// A ControlRun is how the peers ran in the control of a target. A part of the conversation has
// that of the whole.
type ControlRun struct {
	Exit   int           // of the client, when it is a process
	Stdout []byte        // of the client, when it is a process
	Output OutputMatch   // how far the outputs of two runs are alike
	Took   time.Duration // the longer one of two runs, from its beginning to its last answer
	CPU    time.Duration // that the peers which are processes took, in the run that took more
}

// unhurried is how many times as long as without a fault a peer may take.
const unhurried = 2

// ResponseBudget returns how long a peer may take for what it should do at once: at
// least least, and more where the conversation itself is slow.
func (c Conversation) ResponseBudget(least time.Duration) time.Duration {
	return max(least, unhurried*c.Took)
}

// An OutputMatch says in how far a client's output is the same from run to run, as
// two runs without a fault have shown: only what is can be compared.
type OutputMatch string

// The likenesses.
const (
	SameBytes  OutputMatch = ""
	SameLength OutputMatch = "length"
	SameStatus OutputMatch = "status" // nothing but the exit status
)

// EqualOutputs compares two outputs.
func (l OutputMatch) EqualOutputs(a, b []byte) bool {
	switch l {
	case SameLength:
		return len(a) == len(b)
	case SameStatus:
		return true
	}
	return bytes.Equal(a, b)
}

// CompareOutputs tells how much two outputs have in common.
func CompareOutputs(a, b []byte) OutputMatch {
	switch {
	case bytes.Equal(a, b):
		return SameBytes
	case len(a) == len(b):
		return SameLength
	}
	return SameStatus
}

// ComparisonNote says what is not compared, or nothing.
func (l OutputMatch) ComparisonNote() string {
	switch l {
	case SameLength:
		return "the client's output differs between runs without a fault: only its length and the exit status are compared"
	case SameStatus:
		return "the client's output differs between runs without a fault: only the exit status is compared"
	}
	return ""
}

// StreamOf returns the stream of direction d.
func (c Conversation) StreamOf(d event.Direction) Stream {
	if d == event.Downstream {
		return c.Downstream
	}
	return c.Upstream
}

// ScriptedConversation is the conversation of a script, as far as the script
// tells: a reply that it describes by a pattern only has no bytes yet.
func ScriptedConversation(s *dialogue.Script) Conversation {
	greeting, replies := s.ReplyEnds()
	up := Stream{Direction: event.Upstream, Bytes: s.RequestBytes(), MessageEnds: s.RequestBoundaries(), ExchangeEnds: s.RequestEnds(), Parts: s.RequestParts()}
	down := Stream{Direction: event.Downstream, MessageEnds: s.ReplyBoundaries(), ExchangeEnds: replies, Greeting: greeting, Parts: s.ReplyParts()}
	if all, ok := s.ReplyBytes(); ok {
		down.Bytes = all
	}
	c := Conversation{Script: s, Upstream: up, Downstream: down}
	for _, data := range s.DataScripts() {
		c.Data = append(c.Data, ScriptedConversation(data))
	}
	return c
}

// RecordedConversation is the conversation of two programs without a script:
// one message and one exchange in each direction, as far as anybody can tell.
func RecordedConversation(upstream, downstream []byte) Conversation {
	whole := func(d event.Direction, b []byte) Stream {
		s := Stream{Direction: d, Bytes: b}
		if n := int64(len(b)); n > 0 {
			s.MessageEnds, s.ExchangeEnds = []int64{n}, []int64{n}
			s.Parts = []dialogue.Part{{Kind: "body", From: 0, To: n}}
		}
		return s
	}
	return Conversation{Upstream: whole(event.Upstream, upstream), Downstream: whole(event.Downstream, downstream)}
}

// FirstExchanges returns the script of the first n exchanges. Short of the last one the
// client closes, even if the server does at the end of the whole.
func FirstExchanges(s *dialogue.Script, n int) *dialogue.Script {
	first := *s
	if n < len(s.Steps) {
		first.Steps = s.Steps[:n]
		first.End, first.Partial = dialogue.ClientCloses, true
	}
	return &first
}

// IsWholeRequest reports whether the n-th exchange, from 0, is a whole request: the one
// before does not go on in it, and it does not go on in the next one.
func IsWholeRequest(s *dialogue.Script, n int) bool {
	return !s.Steps[n].GoesOn() && (n == 0 || !s.Steps[n-1].GoesOn())
}

// UntilEOF reports whether only the end of the stream ends a message, so that a
// message cut short cannot be told from a whole one.
func (c Case) UntilEOF() bool {
	script := c.Conversation.Script
	return script != nil && script.RepliesEndWithStream()
}
