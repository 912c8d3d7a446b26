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
	Upstream   Stream
	Downstream Stream
	Exit       int    // of the client, when it is a process
	Stdout     []byte // of the client, when it is a process
	Output     Likeness
	Took       time.Duration // the longer one of two runs, from its beginning to its last answer
}

// unhurried is how many times as long as without a fault a peer may take.
const unhurried = 2

// Budget returns how long a peer may take for what it should do at once: at
// least least, and more where the conversation itself is slow.
func (c Conversation) Budget(least time.Duration) time.Duration {
	return max(least, unhurried*c.Took)
}

// A Likeness says in how far a client's output is the same from run to run, as
// two runs without a fault have shown: only what is can be compared.
type Likeness string

// The likenesses.
const (
	SameBytes  Likeness = ""
	SameLength Likeness = "length"
	SameStatus Likeness = "status" // nothing but the exit status
)

// Like compares two outputs.
func (l Likeness) Like(a, b []byte) bool {
	switch l {
	case SameLength:
		return len(a) == len(b)
	case SameStatus:
		return true
	}
	return bytes.Equal(a, b)
}

// LikenessOf tells how much two outputs have in common.
func LikenessOf(a, b []byte) Likeness {
	switch {
	case bytes.Equal(a, b):
		return SameBytes
	case len(a) == len(b):
		return SameLength
	}
	return SameStatus
}

// Note says what is not compared, or nothing.
func (l Likeness) Note() string {
	switch l {
	case SameLength:
		return "the client's output differs from run to run without a fault: only its length and the exit status are compared"
	case SameStatus:
		return "the client's output differs from run to run without a fault: only the exit status is compared"
	}
	return ""
}

// A Stream is all that flows in one direction of a conversation.
type Stream struct {
	Direction event.Direction
	Bytes     []byte
	Ends      []int64         // offsets at which messages end; the last one is len(Bytes)
	Parts     []dialogue.Part // header, body and delimiter of each message, in order
}

// Stream returns the stream of direction d.
func (c Conversation) Stream(d event.Direction) Stream {
	if d == event.Downstream {
		return c.Downstream
	}
	return c.Upstream
}

// ScriptedConversation is the conversation of a script, as far as the script
// tells: a reply that it describes by a pattern only has no bytes yet.
func ScriptedConversation(s *dialogue.Script) Conversation {
	up := Stream{Direction: event.Upstream, Bytes: s.Requests(), Ends: s.RequestBoundaries(), Parts: s.RequestParts()}
	down := Stream{Direction: event.Downstream, Ends: s.ReplyBoundaries(), Parts: s.ReplyParts()}
	if replies, ok := s.Replies(); ok {
		down.Bytes = replies
	}
	return Conversation{Script: s, Upstream: up, Downstream: down}
}

// RecordedConversation is the conversation of two programs without a script:
// one message in each direction, as far as anybody can tell.
func RecordedConversation(upstream, downstream []byte) Conversation {
	whole := func(d event.Direction, b []byte) Stream {
		s := Stream{Direction: d, Bytes: b}
		if n := int64(len(b)); n > 0 {
			s.Ends = []int64{n}
			s.Parts = []dialogue.Part{{Kind: "body", From: 0, To: n}}
		}
		return s
	}
	return Conversation{Upstream: whole(event.Upstream, upstream), Downstream: whole(event.Downstream, downstream)}
}

// Len returns the number of bytes in the stream.
func (s Stream) Len() int64 { return int64(len(s.Bytes)) }

// Starts returns the offsets at which messages start.
func (s Stream) Starts() []int64 {
	if len(s.Ends) == 0 {
		return nil
	}
	return append([]int64{0}, s.Ends[:len(s.Ends)-1]...)
}

// Message returns the index of the message that byte offset belongs to: that
// whose end is the first one beyond offset.
func (s Stream) Message(offset int64) int {
	for i, end := range s.Ends {
		if offset < end {
			return i
		}
	}
	return len(s.Ends)
}

// Longest returns where the longest message starts and how long it is.
func (s Stream) Longest() (start, length int64) {
	for i, from := range s.Starts() {
		if n := s.Ends[i] - from; n > length {
			start, length = from, n
		}
	}
	return start, length
}

// First returns the script of the first n exchanges. Short of the last one the
// client closes, whoever does at the end of the whole.
func First(s *dialogue.Script, n int) *dialogue.Script {
	first := *s
	if n < len(s.Steps) {
		first.Steps = s.Steps[:n]
		first.End = dialogue.ClientCloses
	}
	return &first
}

// UntilEOF reports whether only the end of the stream ends a message, so that a
// message cut short cannot be told from a whole one.
func (c Case) UntilEOF() bool {
	script := c.Conversation.Script
	return script != nil && script.Framing.Kind == dialogue.UntilEOF
}
