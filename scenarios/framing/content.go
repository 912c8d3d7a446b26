package framing

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
)

func contentScenario() scenario.Scenario {
	return scenario.Scenario{
		ID:    "framing/bytes",
		Title: "A message may contain any byte",
		Rationale: "strlen stops at NUL, line splitters accept several line ends, decoders replace invalid characters. The " +
			"answer is then shorter, longer or different. Each block of 64 byte values is sent as one message. A " +
			"server may refuse it but must not change it. For line protocols this is level should, because not all of " +
			"them are 8-bit clean.",
		Ref:   "Socket Programming HOWTO: len(), not strlen(); catalogue: nul-truncation",
		Level: outcome.Must,
		Roles: scenario.ServerRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			s, r, err := relatedScript(c, append(anyBody(), dialogue.Fixed)...)
			if err != nil {
				return nil, err
			}
			var out []scenario.Variant
			for from := 0; from < 256; from += block {
				script, ok := r.scriptFor(s, blockOf(s.Framing, from))
				if !ok {
					continue
				}
				out = append(out, scenario.Variant{
					Name:   fmt.Sprintf("bytes=%02x-%02x", from, from+block-1),
					Script: script,
					Level:  binaryLevel(s),
					Expect: []scenario.Expectation{answersOrRefuses(false)},
				})
			}
			if len(out) == 0 {
				return nil, c.UnsupportedErrorf("the dialogue does not show how the server answers other bytes than its own")
			}
			return out, nil
		},
	}
}

// block is how many byte values are tried in one message.
const block = 64

// blockOf returns a message body of the byte values from on, the first of them
// in the middle, so that a message that ends there shows what it began with.
func blockOf(f dialogue.Framing, from int) []byte {
	var body []byte
	for i := range block {
		b := byte(from + (i+block/2)%block)
		if f.Kind == dialogue.Line && (b == '\n' || (f.CRLF || f.EitherEnd) && b == '\r') || f.Kind == dialogue.Markers && strings.IndexByte(f.Start+f.End, b) >= 0 {
			continue
		}
		body = append(body, b)
	}
	if f.Kind == dialogue.Fixed {
		whole := slices.Repeat(body, f.Size/len(body)+1)
		return whole[:f.Size]
	}
	return body
}

func emptyMessage() scenario.Scenario {
	return scenario.Scenario{
		ID:    "framing/empty-message",
		Title: "An empty message is a message",
		Rationale: "recv returns no bytes at the end of a stream, and a function that reads a message returns no bytes for an " +
			"empty message. A server that confuses the two closes a client that still has requests. If the dialogue " +
			"has no empty message, the protocol may forbid it; declare max_message to say that it does not.",
		Ref:   "Socket Programming HOWTO; catalogue: zero-frame-as-eof",
		Level: outcome.Must,
		Roles: scenario.ServerRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			s, r, err := relatedScript(c, anyBody()...)
			if err != nil {
				return nil, err
			}
			before := r.fillerBody(5)
			script, ok := r.scriptFor(s, before, nil, before)
			if !ok {
				return nil, c.UnsupportedErrorf("the dialogue does not show the answer to an empty message")
			}
			promised := c.Target.Policies.MaxMessage > 0
			v := scenario.Variant{Name: "between", Script: script,
				Expect: []scenario.Expectation{answersOrRefuses(promised)}}
			if !promised {
				v.Level, v.Declare = outcome.Should, "policies: {max_message: 65536}, with the server's own limit"
			}
			glued := v
			glued.Name, glued.Pipelined = "between, at once", true
			if c.Target.Policies.MayPipeline() {
				return []scenario.Variant{v, glued}, nil
			}
			return []scenario.Variant{v}, nil
		},
	}
}
