// Package eof checks what a peer makes of a stream that ends: zero bytes
// received means that the other side has closed, wherever that happens.
package eof

import (
	"fmt"
	"slices"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/toxics/spec"
)

// Scenarios lists the topic's scenarios.
func Scenarios() []scenario.Scenario {
	return []scenario.Scenario{beforeFirstByte(), inHeader(), inBody(), inDelimiter(), afterMessage()}
}

func beforeFirstByte() scenario.Scenario {
	return scenario.Scenario{
		ID:    "eof/before-first-byte",
		Title: "A connection that closes before its first byte does no harm",
		Rationale: "A server that treats recv returning 0 as \"nothing yet\" spins or never closes the socket. A client that " +
			"treats it as an empty answer reports success.",
		Ref:   "recv(2); wrk#167, Thunder#1933, nim-lang/redis#47",
		Level: outcome.Must,
		Roles: scenario.AnyRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			return []scenario.Variant{cutAt(c, 0, "")}, nil
		},
	}
}

func inHeader() scenario.Scenario {
	return scenario.Scenario{
		ID:    "eof/in-header",
		Title: "A stream that ends inside a length prefix is a truncated message",
		Rationale: "A program that ignores how many bytes of the prefix it has read computes a length from stale bytes. The " +
			"result is a crash, a hang, or an answer to a request that no client sent.",
		Ref:      "exponentially/extreme#51, mz-automation/lib60870#36",
		Level:    outcome.Must,
		Roles:    scenario.AnyRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) { return cutInside(c, "header", outcome.Must) },
	}
}

func inBody() scenario.Scenario {
	return scenario.Scenario{
		ID:    "eof/in-body",
		Title: "A stream that ends inside a message is an error, not a short message",
		Rationale: "The end of the stream does not complete a message. A server that executes the part it has, or a client " +
			"that exits 0 on a truncated answer, corrupts data silently.",
		Ref:      "psf/requests#4956, python/cpython#115997, yegor256/takes#1227",
		Level:    outcome.Must,
		Roles:    scenario.AnyRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) { return cutInside(c, "body", outcome.Must) },
	}
}

func inDelimiter() scenario.Scenario {
	return scenario.Scenario{
		ID:    "eof/in-delimiter",
		Title: "A last message without its delimiter is incomplete",
		Rationale: "Everything except the delimiter has arrived. Some line protocols accept such a last line, others do not. " +
			"A target that declares truncated: ignored must not answer it.",
		Ref:   "catalogue: truncated-executed",
		Level: outcome.Should,
		Roles: scenario.AnyRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			return cutInside(c, "delimiter", outcome.Should)
		},
	}
}

func afterMessage() scenario.Scenario {
	return scenario.Scenario{
		ID:    "eof/after-message",
		Title: "A stream that ends between messages is closed cleanly by both sides",
		Rationale: "A conversation normally ends with FIN after a complete exchange. A peer that replies with RST destroys " +
			"data in flight. A peer that never closes leaks one descriptor per client.",
		Ref:   "RFC 9293 §3.6; OpenSIPS/opensips#3164",
		Level: outcome.Must,
		Roles: scenario.AnyRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			if c.Role == scenario.Server {
				return afterReplies(c)
			}
			return afterReply(c), nil
		},
	}
}

// cutAt ends the stream towards the peer under test at the given offset.
func cutAt(c scenario.Case, at int64, level outcome.Level) scenario.Variant {
	direction := c.Role.IncomingDirection()
	v := scenario.Variant{
		Name:   fmt.Sprintf("byte=%d", at),
		Level:  level,
		Faults: []spec.Spec{scenario.FaultAt("half_close", direction, at, nil)},
	}
	if c.Role == scenario.Client {
		v.Expect = []scenario.Expectation{scenario.ReportsFailure()}
		return v
	}
	v.Expect = []scenario.Expectation{
		scenario.EndsBy(event.EOF, event.Reset),
		scenario.AnswersOnly(at),
	}
	return v
}

// cutInside cuts inside each part of the given kind.
func cutInside(c scenario.Case, kind string, level outcome.Level) ([]scenario.Variant, error) {
	if c.Conversation.Script == nil && kind != "body" {
		return nil, c.UnsupportedErrorf("the target has no dialogue, so the harness does not know where a message's %s is; add a dialogue", kind)
	}
	if c.Role == scenario.Client && c.UntilEOF() {
		return nil, c.UnsupportedErrorf("the framing is until-eof: a truncated message looks like a complete one")
	}
	if c.Role == scenario.Server && c.UntilEOF() {
		return nil, c.UnsupportedErrorf("the dialogue half-closes after the request, so the end of the stream completes it")
	}
	offsets := c.Incoming().InsideParts(kind, c.Limit)
	if c.Role == scenario.Server && kind == "body" {
		offsets = append(offsets, c.Incoming().InnerEnds()...)
		slices.Sort(offsets)
	}
	if len(offsets) == 0 {
		return nil, c.UnsupportedErrorf("the messages of this framing have no %s", kind)
	}
	var out []scenario.Variant
	for _, at := range offsets {
		v := cutAt(c, at, level)
		if mayDelimit(c, at) {
			v.Level = outcome.Should
		}
		out = append(out, v)
	}
	return out, nil
}

// mayDelimit reports whether only the last one or two bytes of a message are
// missing in a dialogue that does not tell its framing: they may be a delimiter,
// and the message complete without.
func mayDelimit(c scenario.Case, at int64) bool {
	script, stream := c.Conversation.Script, c.Incoming()
	if script != nil && script.Framing.Kind != dialogue.None {
		return false
	}
	message := stream.MessageAt(at)
	return message < len(stream.MessageEnds) && stream.MessageEnds[message]-at <= 2
}

// afterReplies lets the client close after each number of complete exchanges.
func afterReplies(c scenario.Case) ([]scenario.Variant, error) {
	if c.Conversation.Script == nil {
		return nil, c.UnsupportedErrorf("the target has no dialogue, so the harness does not know where a message ends; add a dialogue")
	}
	var out []scenario.Variant
	steps := c.Conversation.Script.Steps
	for n := 1; n <= len(steps); n++ {
		if steps[n-1].GoesOn() {
			continue // the request is not complete: see eof/in-request
		}
		all := scenario.ExpectCompletion()
		if n < len(steps) {
			all = scenario.ExpectRepliesOnly()
		}
		out = append(out, scenario.Variant{
			Name:   fmt.Sprintf("exchanges=%d", n),
			Script: scenario.FirstExchanges(c.Conversation.Script, n),
			Expect: []scenario.Expectation{all, scenario.EndsBy(event.EOF)},
		})
	}
	return out, nil
}

// afterReply ends the stream towards the client after each message of an answer:
// after the last one it has all it needs.
func afterReply(c scenario.Case) []scenario.Variant {
	var out []scenario.Variant
	stream, answers, messages := c.Incoming(), 0, 0
	for i, at := range stream.MessageEnds {
		v := cutAt(c, at, "")
		if messages++; c.Conversation.Script == nil || stream.EndsExchange(at) {
			answers, messages = answers+1, 0
		}
		v.Name = fmt.Sprintf("answers=%d", answers)
		if messages > 0 {
			v.Name = fmt.Sprintf("answers=%d, messages=%d", answers, messages)
		}
		if i == len(stream.MessageEnds)-1 {
			v.Expect = []scenario.Expectation{scenario.ExpectCompletion()}
		}
		out = append(out, v)
	}
	return out
}
