// Package eof checks what a peer makes of a stream that ends: zero bytes
// received means that the other side has closed, wherever that happens.
package eof

import (
	"fmt"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/suite"
	"github.com/sockharness/harness/toxics"
)

// Declare declares the topic's Ginkgo containers on the bench.
func Declare(b *suite.Bench) { b.Topic("eof", Scenarios()...) }

// Scenarios lists the topic's scenarios.
func Scenarios() []scenario.Scenario {
	return []scenario.Scenario{beforeFirstByte(), inHeader(), inBody(), inDelimiter(), afterMessage()}
}

func beforeFirstByte() scenario.Scenario {
	return scenario.Scenario{
		ID:    "eof/before-first-byte",
		Title: "A connection that ends before its first byte is closed, and nothing else happens",
		Rationale: "A server that takes zero bytes for \"nothing yet\" spins or keeps the socket for ever; " +
			"a client that takes it for an empty answer reports success.",
		Ref:   "recv(2); wrk#167, Thunder#1933, nim-lang/redis#47",
		Level: outcome.Must,
		Roles: scenario.Anyone(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			return []scenario.Variant{cut(c, 0, "")}, nil
		},
	}
}

func inHeader() scenario.Scenario {
	return scenario.Scenario{
		ID:    "eof/in-header",
		Title: "A stream that ends inside a length prefix is a truncated message",
		Rationale: "Whoever reads the prefix once, without looking at how much came, computes a length from " +
			"stale bytes: a crash, a hang, or an answer to a request that nobody made.",
		Ref:      "exponentially/extreme#51, mz-automation/lib60870#36",
		Level:    outcome.Must,
		Roles:    scenario.Anyone(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) { return inside(c, "header", outcome.Must) },
	}
}

func inBody() scenario.Scenario {
	return scenario.Scenario{
		ID:    "eof/in-body",
		Title: "A stream that ends inside a message is an error, not a short message",
		Rationale: "The end of the stream completes nothing. A server that executes what it has, or a client that " +
			"exits with status 0 on half an answer, corrupts data without a word.",
		Ref:      "psf/requests#4956, python/cpython#115997, yegor256/takes#1227",
		Level:    outcome.Must,
		Roles:    scenario.Anyone(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) { return inside(c, "body", outcome.Must) },
	}
}

func inDelimiter() scenario.Scenario {
	return scenario.Scenario{
		ID:    "eof/in-delimiter",
		Title: "A last message without its delimiter is not complete",
		Rationale: "Everything but the end of the message has arrived. Line protocols differ on whether the last line " +
			"may go without; a target that has declared truncated messages ignored must not answer it.",
		Ref:   "catalogue: truncated-executed",
		Level: outcome.Should,
		Roles: scenario.Anyone(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			return inside(c, "delimiter", outcome.Should)
		},
	}
}

func afterMessage() scenario.Scenario {
	return scenario.Scenario{
		ID:    "eof/after-message",
		Title: "A stream that ends between messages ends in order on both sides",
		Rationale: "FIN after a complete exchange is how conversations are meant to end. An answer by RST destroys what " +
			"is still under way; none at all leaks a descriptor per client.",
		Ref:   "RFC 9293 §3.6; OpenSIPS/opensips#3164",
		Level: outcome.Must,
		Roles: scenario.Anyone(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			if c.Role == scenario.Server {
				return afterReplies(c)
			}
			return afterReply(c), nil
		},
	}
}

// cut ends the stream towards the peer under test at the given offset.
func cut(c scenario.Case, at int64, level outcome.Level) scenario.Variant {
	direction := c.Role.Toward()
	v := scenario.Variant{
		Name:   fmt.Sprintf("byte=%d", at),
		Level:  level,
		Faults: []toxics.Spec{scenario.Strike("half_close", direction, at, nil)},
	}
	if c.Role == scenario.Client {
		v.Expect = []scenario.Expectation{scenario.ReportsFailure()}
		return v
	}
	v.Expect = []scenario.Expectation{
		scenario.EndsBy(event.EOF, event.Reset),
		scenario.AnswersOnly(c.Toward().Message(at)),
	}
	return v
}

// inside cuts inside each part of the given kind.
func inside(c scenario.Case, kind string, level outcome.Level) ([]scenario.Variant, error) {
	if c.Conversation.Script == nil && kind != "body" {
		return nil, c.Unsupported("without a dialogue nobody knows where a message's %s is", kind)
	}
	if c.Role == scenario.Client && c.UntilEOF() {
		return nil, c.Unsupported("the end of the stream is the end of the message: a cut cannot be told from it")
	}
	if c.Role == scenario.Server && c.UntilEOF() {
		return nil, c.Unsupported("the end of the stream completes the request")
	}
	offsets := c.Toward().In(kind, c.Limit)
	if len(offsets) == 0 {
		return nil, c.Unsupported("the messages have no %s to end in", kind)
	}
	var out []scenario.Variant
	for _, at := range offsets {
		v := cut(c, at, level)
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
	script, stream := c.Conversation.Script, c.Toward()
	if script != nil && script.Framing.Kind != dialogue.None {
		return false
	}
	message := stream.Message(at)
	return message < len(stream.Ends) && stream.Ends[message]-at <= 2
}

// afterReplies lets the client close after each number of complete exchanges.
func afterReplies(c scenario.Case) ([]scenario.Variant, error) {
	if c.Conversation.Script == nil {
		return nil, c.Unsupported("without a dialogue nobody knows where a message ends")
	}
	var out []scenario.Variant
	for n := 1; n <= len(c.Conversation.Script.Steps); n++ {
		out = append(out, scenario.Variant{
			Name:   fmt.Sprintf("exchanges=%d", n),
			Script: scenario.First(c.Conversation.Script, n),
			Expect: []scenario.Expectation{scenario.Completes(), scenario.EndsBy(event.EOF)},
		})
	}
	return out, nil
}

// afterReply ends the stream towards the client after each complete answer:
// after the last one it has all it needs.
func afterReply(c scenario.Case) []scenario.Variant {
	var out []scenario.Variant
	ends := c.Toward().Ends
	for i, at := range ends {
		v := cut(c, at, "")
		v.Name = fmt.Sprintf("answers=%d", i+1)
		if i == len(ends)-1 {
			v.Expect = []scenario.Expectation{scenario.Completes()}
		}
		out = append(out, v)
	}
	return out
}
