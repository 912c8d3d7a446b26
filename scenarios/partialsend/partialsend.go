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
	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/toxics/spec"
)

// Scenarios lists the topic's scenarios.
func Scenarios() []scenario.Scenario {
	return []scenario.Scenario{splitMessage(), dripBytes(), coalescedMessages(), straddleBoundary(), shortWrite(), interruptedSend(), fullDuplex()}
}

func splitMessage() scenario.Scenario {
	return scenario.Scenario{
		ID:    "partialsend/split",
		Title: "A message that arrives in two segments is read like one that arrives whole",
		Rationale: "One recv is not one message. A parser may fail at a single offset, for example inside a length prefix, a " +
			"multi-byte character or a delimiter. The harness splits a short message at every offset and sends the " +
			"second segment only after the peer has read the first.",
		Ref:   "recv(2); RFC 9293 §3.7; rtician/routeros#4, exponentially/extreme#51, nrwl/nx#34151",
		Level: outcome.Must,
		Roles: scenario.AnyRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			stream := c.Incoming()
			var out []scenario.Variant
			for _, at := range stream.InsideExchanges(c.Limit) {
				out = append(out, completeVariant(fmt.Sprintf("byte=%d", at), scenario.SplitAt(stream.Direction, at)))
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

func dripBytes() scenario.Scenario {
	return scenario.Scenario{
		ID:    "partialsend/drip",
		Title: "A message that arrives byte by byte is read like one that arrives whole",
		Rationale: "Every byte is its own segment, and the peer reads each before the next is sent. No other segmentation is " +
			"harder on a parser.",
		Ref:   "recv(2); openresty's etcproxy",
		Level: outcome.Must,
		Roles: scenario.AnyRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			stream := c.Incoming()
			var offsets []int64
			for i, start := range stream.MessageStarts() {
				for at := start + 1; at < min(stream.MessageEnds[i], start+mostDripped); at++ {
					offsets = append(offsets, at)
				}
			}
			if len(offsets) == 0 {
				return nil, c.UnsupportedErrorf("all messages have one byte or less")
			}
			v := completeVariant("", scenario.SplitAt(stream.Direction, offsets...))
			v.Budget = time.Duration(len(offsets)) * perByte
			return []scenario.Variant{v}, nil
		},
	}
}

func coalescedMessages() scenario.Scenario {
	return scenario.Scenario{
		ID:    "partialsend/coalesced",
		Title: "Messages that arrive in one segment are all answered",
		Rationale: "Bytes behind the first message in the buffer belong to the next message. If a server drops them, or waits " +
			"for new bytes before it looks at them, its client waits for an answer that never comes.",
		Ref:   "warmcat/libwebsockets#638, danielpaulus/go-ios#440",
		Level: outcome.Must,
		Roles: scenario.ServerRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			if err := requirePipelining(c); err != nil {
				return nil, err
			}
			v := completeVariant("")
			v = pipelinedVariant(c, v)
			v.Proof = func(o scenario.Observation) error { return mergedSegment(o, c.Incoming()) }
			return []scenario.Variant{v}, nil
		},
	}
}

// mergedSegment tells whether the first segment towards the server held more than the
// first request.
func mergedSegment(o scenario.Observation, s scenario.Stream) error {
	for _, e := range o.Events {
		if e.Kind != event.Bytes || e.Direction != s.Direction {
			continue
		}
		first := s.ExchangeEnds[s.SpokenExchanges()[0]]
		if e.Bytes > first {
			return nil
		}
		return fmt.Errorf("the first segment had %s, but the first request alone has %d", plural.Count(e.Bytes, "byte"), first)
	}
	return errors.New("the harness sent no segment")
}

func straddleBoundary() scenario.Scenario {
	return scenario.Scenario{
		ID:    "partialsend/straddle",
		Title: "A segment that holds one message and the beginning of the next is read correctly",
		Rationale: "The server must keep the surplus bytes and complete them with the next read. Buffers that are cleared too " +
			"early, or searched from the wrong position, fail here.",
		Ref:   "linode/docs#3388, kasvith/kache#33",
		Level: outcome.Must,
		Roles: scenario.ServerRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			if err := requirePipelining(c); err != nil {
				return nil, err
			}
			stream := c.Incoming()
			var out []scenario.Variant
			for i, end := range stream.MessageEnds[:len(stream.MessageEnds)-1] {
				for _, at := range straddleOffsets(end, stream.MessageEnds[i+1]) {
					v := completeVariant(fmt.Sprintf("byte=%d", at), scenario.SplitAt(stream.Direction, at))
					v = pipelinedVariant(c, v)
					out = append(out, v)
				}
			}
			return out[:min(len(out), c.Limit)], nil
		},
	}
}

// straddleOffsets returns offsets inside the message between from and to: after its
// first byte, in its middle, before its last byte.
func straddleOffsets(from, to int64) []int64 {
	var out []int64
	for _, at := range []int64{from + 1, from + (to-from)/2, to - 1} {
		if at > from && at < to && (len(out) == 0 || out[len(out)-1] != at) {
			out = append(out, at)
		}
	}
	return out
}

func fullDuplex() scenario.Scenario {
	return scenario.Scenario{
		ID:    "partialsend/duplex",
		Title: "Both sides write at once and all bytes arrive",
		Rationale: "The client sends all its requests while answers are under way, through small windows in both directions. " +
			"A server that uses one buffer for both directions, or stops reading while it writes, fails here.",
		Ref:   "brltty/brltty#259, civet-webserver#1",
		Level: outcome.Must,
		Roles: scenario.ServerRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			if err := requirePipelining(c); err != nil {
				return nil, err
			}
			window := map[string]any{"receive_buffer": 4096, "segment_size": 1460}
			v := completeVariant("", scenario.FaultFromStart("small_window", c.Outgoing().Direction, window))
			v = pipelinedVariant(c, v)
			v.Budget = 2 * c.Budget
			return []scenario.Variant{v}, nil
		},
	}
}

// completeVariant is a variant under which the conversation must be held as without
// the fault.
func completeVariant(name string, faults ...spec.Spec) scenario.Variant {
	return scenario.Variant{Name: name, Faults: faults, Expect: []scenario.Expectation{scenario.ExpectCompletion()}}
}

// requirePipelining says why requests cannot be sent before the answer to the one
// before, or nil.
func requirePipelining(c scenario.Case) error {
	declared := c.Target.Policies.Pipelining
	switch {
	case c.Conversation.Script == nil || c.Target.Client.Dialogue == nil:
		return c.UnsupportedErrorf("this scenario needs a client dialogue, because only that can send requests before the answers arrive")
	case declared != nil && !*declared:
		return c.UnsupportedErrorf("the target declares pipelining: false")
	case len(c.Incoming().SpokenExchanges()) < 2:
		return c.UnsupportedErrorf("the dialogue has only one request")
	}
	return nil
}

// pipelinedVariant sends all requests before the first answer: a must where the target has
// declared that it pipelines. A protocol that has not said so may be right to drop
// what comes too early.
func pipelinedVariant(c scenario.Case, v scenario.Variant) scenario.Variant {
	v.Pipelined, v.Level = true, outcome.Must
	if c.Target.Policies.Pipelining == nil {
		v.Level, v.Declare = outcome.Info, "policies: {pipelining: true}"
	}
	return v
}
