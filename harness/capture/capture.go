// Package capture turns live conversations into dialogues: it records what passes
// between a client and a server, or reads it from a pcap or pcapng file, and infers how
// messages are framed, who speaks first, who ends, and which bytes differ from one
// conversation to the next.
//
//	relay, err := capture.StartRelay("127.0.0.1:0", "127.0.0.1:6379") // point the client here: relay.Addr()
//	conversations, err := relay.WaitConversations(ctx, 3)
//	text, notes, err := capture.WriteDialogue("redis", conversations, capture.Options{})
//
// What is inferred is told with the evidence, as comments of the dialogue.
package capture

import (
	"bytes"
	"errors"

	"github.com/sockharness/harness/harness/event"
)

// MaxBytes is how many bytes of one direction of a conversation are kept.
const MaxBytes = 16 << 20

// A Turn is what one side says until the other one does.
type Turn struct {
	Direction event.Direction // which peer sends
	Bytes     []byte          // what it sends before the other one speaks
}

// A Conversation is what two programs said to each other on one connection.
type Conversation struct {
	Turns []Turn       // who said what, in order
	Ended event.Side   // who ended first; empty: it was not seen
	By    event.Ending // how
	After bool         // the server sent bytes after the client's FIN
	Notes []string     // retransmissions, a beginning or an end that is missing
	Err   error        // why it cannot be used: a gap, too many bytes
	From  string       // for people: the addresses

	size [2]int
}

// ErrUnusable is wrapped by the errors of conversations that no dialogue can be made of.
var ErrUnusable = errors.New("the recording cannot be used")

// add appends bytes to the turn of their direction.
func (c *Conversation) add(d event.Direction, b []byte) {
	if len(b) == 0 || c.Err != nil {
		return
	}
	c.size[d] += len(b)
	if c.size[d] > MaxBytes {
		c.Err = errTooLong
		return
	}
	if c.Ended == event.Client && d == event.Downstream {
		c.After = true
	}
	if n := len(c.Turns); n > 0 && c.Turns[n-1].Direction == d {
		c.Turns[n-1].Bytes = append(c.Turns[n-1].Bytes, b...)
		return
	}
	c.Turns = append(c.Turns, Turn{Direction: d, Bytes: bytes.Clone(b)})
}

var errTooLong = errors.New("one side says more than 16 MiB")

// end notes the first end.
func (c *Conversation) end(side event.Side, by event.Ending) {
	if c.Ended == "" {
		c.Ended, c.By = side, by
	}
}

// IsTLS reports whether the conversation is encrypted: its bytes are of no use.
func (c *Conversation) IsTLS() bool {
	for _, t := range c.Turns {
		if t.Direction == event.Upstream {
			return len(t.Bytes) > 5 && t.Bytes[0] == 0x16 && t.Bytes[1] == 3 && t.Bytes[5] == 1
		}
	}
	return false
}
