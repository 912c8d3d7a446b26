// Package partialsend checks that a peer takes the stream for what it is: a
// socket only says how many bytes it took or gave, and where a segment ends
// says nothing about where a message does.
package partialsend

import (
	"errors"
	"fmt"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/suite"
	"github.com/sockharness/harness/toxics"
)

// Declare declares the topic's Ginkgo containers on the bench.
func Declare(b *suite.Bench) { b.Topic("partialsend", Scenarios()...) }

// Scenarios lists the topic's scenarios.
func Scenarios() []scenario.Scenario {
	return []scenario.Scenario{split(), drip(), coalesced(), straddle(), shortWrite(), duplex()}
}

func split() scenario.Scenario {
	return scenario.Scenario{
		ID:    "partialsend/split",
		Title: "A message that arrives in two segments is the same message, wherever the cut",
		Rationale: "One recv is not one message. A parser may break at one offset of a hundred (inside a length prefix, " +
			"a multi-byte character, a delimiter), so every offset of a short message is tried, and the second segment " +
			"leaves only when the first has been read.",
		Ref:   "recv(2); RFC 9293 §3.7; rtician/routeros#4, exponentially/extreme#51, nrwl/nx#34151",
		Level: outcome.Must,
		Roles: scenario.Anyone(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			stream := c.Toward()
			var out []scenario.Variant
			for _, at := range stream.Inside(c.Limit) {
				out = append(out, complete(fmt.Sprintf("byte=%d", at), scenario.Cut(stream.Direction, at)))
			}
			return out, nil
		},
	}
}

// mostDripped bounds how many bytes of each message are sent one by one: after
// that many the reader's loop has been proven.
const mostDripped = 200

// perByte is what one byte that is read before the next leaves may take a peer
// that does something for each of them, and a proxy that has to wait a fixed time
// where the kernel does not tell what was read.
const perByte = 30 * time.Millisecond

func drip() scenario.Scenario {
	return scenario.Scenario{
		ID:        "partialsend/drip",
		Title:     "A message that arrives byte by byte is the same message",
		Rationale: "Every byte is a segment of its own, each read before the next one leaves: the hardest a stream can be on a parser.",
		Ref:       "recv(2); openresty's etcproxy",
		Level:     outcome.Must,
		Roles:     scenario.Anyone(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			stream := c.Toward()
			var offsets []int64
			for i, start := range stream.Starts() {
				for at := start + 1; at < min(stream.Ends[i], start+mostDripped); at++ {
					offsets = append(offsets, at)
				}
			}
			if len(offsets) == 0 {
				return nil, c.Unsupported("no message is longer than one byte")
			}
			v := complete("", scenario.Cut(stream.Direction, offsets...))
			v.Budget = time.Duration(len(offsets)) * perByte
			return []scenario.Variant{v}, nil
		},
	}
}

func coalesced() scenario.Scenario {
	return scenario.Scenario{
		ID:    "partialsend/coalesced",
		Title: "Messages that arrive in one segment are all answered",
		Rationale: "What follows the first message in the buffer belongs to the next one. Whoever throws it away, or waits " +
			"for new bytes before looking at it, leaves a client waiting for an answer that never comes.",
		Ref:   "warmcat/libwebsockets#638, danielpaulus/go-ios#440",
		Level: outcome.Must,
		Roles: scenario.Servers(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			if err := pipelines(c); err != nil {
				return nil, err
			}
			v := complete("")
			v.Pipelined, v.Level = true, pipeliningLevel(c)
			v.Proof = func(o scenario.Observation) error { return glued(o, c.Toward()) }
			return []scenario.Variant{v}, nil
		},
	}
}

// glued tells whether the first segment towards the server held more than the
// first message.
func glued(o scenario.Observation, s scenario.Stream) error {
	for _, e := range o.Events {
		if e.Kind != event.Bytes || e.Direction != s.Direction {
			continue
		}
		if e.Bytes > s.Ends[0] {
			return nil
		}
		return fmt.Errorf("the first segment held %d bytes, the first message alone has %d", e.Bytes, s.Ends[0])
	}
	return errors.New("no segment was sent")
}

func straddle() scenario.Scenario {
	return scenario.Scenario{
		ID:    "partialsend/straddle",
		Title: "A segment that holds one message and the beginning of the next loses neither",
		Rationale: "The surplus must be kept and completed by what comes later; buffers that are reset, or searched from " +
			"the wrong place, show here.",
		Ref:   "linode/docs#3388, kasvith/kache#33",
		Level: outcome.Must,
		Roles: scenario.Servers(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			if err := pipelines(c); err != nil {
				return nil, err
			}
			stream := c.Toward()
			var out []scenario.Variant
			for i, end := range stream.Ends[:len(stream.Ends)-1] {
				for _, at := range straddles(end, stream.Ends[i+1]) {
					v := complete(fmt.Sprintf("byte=%d", at), scenario.Cut(stream.Direction, at))
					v.Pipelined, v.Level = true, pipeliningLevel(c)
					out = append(out, v)
				}
			}
			return out[:min(len(out), c.Limit)], nil
		},
	}
}

// straddles returns offsets inside the message between from and to: after its
// first byte, in its middle, before its last byte.
func straddles(from, to int64) []int64 {
	var out []int64
	for _, at := range []int64{from + 1, from + (to-from)/2, to - 1} {
		if at > from && at < to && (len(out) == 0 || out[len(out)-1] != at) {
			out = append(out, at)
		}
	}
	return out
}

// shortest is the length from which a tiny window makes a sender's write short
// without touching the sender: its buffer and the window together hold less.
const shortest = 128 << 10

func shortWrite() scenario.Scenario {
	return scenario.Scenario{
		ID:    "partialsend/short-write",
		Title: "A long message arrives whole although the socket takes only part of it at a time",
		Rationale: "send returns how many bytes it took. Loopback takes megabytes and hides that; a slow reader behind a " +
			"tiny window does not.",
		Ref:   "send(2); dcarp/asynchronous#9, libtrading/libtrading#114",
		Level: outcome.Must,
		Roles: scenario.Anyone(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			stream := c.From()
			at, length := stream.Longest()
			if length < shortest {
				return nil, c.Unsupported("no message of the %s is longer than %d bytes, and a shorter one fits into its send buffer", c.Role, shortest)
			}
			hold := scenario.Strike("small_window", stream.Direction, at,
				map[string]any{"receive_buffer": 1, "segment_size": 536, "hold": true})
			v := complete("", hold)
			v.Budget = 2 * c.Budget
			return []scenario.Variant{v}, nil
		},
	}
}

func duplex() scenario.Scenario {
	return scenario.Scenario{
		ID:    "partialsend/duplex",
		Title: "Both sides write at once and both arrive whole",
		Rationale: "The client sends all its requests while answers are on their way, through small windows in both " +
			"directions. A server that keeps one buffer for both, or stops reading for good while it writes, shows here.",
		Ref:   "brltty/brltty#259, civet-webserver#1",
		Level: outcome.Must,
		Roles: scenario.Servers(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			if err := pipelines(c); err != nil {
				return nil, err
			}
			window := map[string]any{"receive_buffer": 4096, "segment_size": 1460}
			v := complete("", scenario.FromStart("small_window", c.From().Direction, window))
			v.Pipelined, v.Level, v.Budget = true, pipeliningLevel(c), 2*c.Budget
			return []scenario.Variant{v}, nil
		},
	}
}

// complete is a variant under which the conversation must be held as without
// the fault.
func complete(name string, faults ...toxics.Spec) scenario.Variant {
	return scenario.Variant{Name: name, Faults: faults, Expect: []scenario.Expectation{scenario.Completes()}}
}

// pipelines says why requests cannot be sent before the answer to the one
// before, or nil.
func pipelines(c scenario.Case) error {
	declared := c.Target.Policies.Pipelining
	switch {
	case c.Conversation.Script == nil || c.Target.Client.Dialogue == nil:
		return c.Unsupported("only a client dialogue can send its requests before the answers")
	case declared != nil && !*declared:
		return c.Unsupported("the target declares pipelining off")
	case len(c.Toward().Ends) < 2:
		return c.Unsupported("the dialogue has a single request")
	}
	return nil
}

// pipeliningLevel is must where the target has declared that it pipelines. A
// protocol that has not said so may be right to drop what comes too early.
func pipeliningLevel(c scenario.Case) outcome.Level {
	if c.Target.Policies.Pipelining != nil {
		return outcome.Must
	}
	return outcome.Info
}
