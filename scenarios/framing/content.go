package framing

import (
	"fmt"
	"slices"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
)

func content() scenario.Scenario {
	return scenario.Scenario{
		ID:    "framing/bytes",
		Title: "A message may hold any byte",
		Rationale: "strlen ends at a NUL, line splitters know more line ends than one, decoders replace what is no character: the answer " +
			"is shorter, longer or another. Each block of 64 byte values is a message; a server may refuse it, but not " +
			"mangle it. Lines promise less than lengths do: there it is a should.",
		Ref:   "Socket Programming HOWTO: len(), not strlen(); catalogue: nul-truncation",
		Level: outcome.Must,
		Roles: scenario.Servers(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			s, r, err := related(c, dialogue.Line, dialogue.LengthPrefix, dialogue.Fixed)
			if err != nil {
				return nil, err
			}
			var out []scenario.Variant
			for from := 0; from < 256; from += block {
				script, ok := r.script(s, blockOf(s.Framing, from))
				if !ok {
					continue
				}
				out = append(out, scenario.Variant{
					Name:   fmt.Sprintf("bytes=%02x-%02x", from, from+block-1),
					Script: script,
					Level:  binary(s),
					Expect: []scenario.Expectation{answersOrRefuses(false)},
				})
			}
			if len(out) == 0 {
				return nil, c.Unsupported("the dialogue does not show what becomes of bytes that it has none of")
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
		if f.Kind == dialogue.Line && (b == '\n' || f.CRLF && b == '\r') {
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

func empty() scenario.Scenario {
	return scenario.Scenario{
		ID:    "framing/empty-message",
		Title: "An empty message is a message",
		Rationale: "recv returns no bytes at the end of a stream; a function that returns a message's bytes returns none for an empty one, " +
			"too. Whoever does not tell them apart says goodbye to a client that has more to ask. Where the dialogue holds " +
			"no empty message it may be no message: the target says that it is by a max_message.",
		Ref:   "Socket Programming HOWTO; catalogue: zero-frame-as-eof",
		Level: outcome.Must,
		Roles: scenario.Servers(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			s, r, err := related(c, dialogue.Line, dialogue.LengthPrefix)
			if err != nil {
				return nil, err
			}
			before := r.filler(5)
			script, ok := r.script(s, before, nil, before)
			if !ok {
				return nil, c.Unsupported("the answer to an empty message is not known")
			}
			promised := c.Target.Policies.MaxMessage > 0
			v := scenario.Variant{Name: "between", Script: script,
				Expect: []scenario.Expectation{answersOrRefuses(promised)}}
			if !promised {
				v.Level = outcome.Should
			}
			glued := v
			glued.Name, glued.Pipelined = "between, at once", true
			if p := c.Target.Policies.Pipelining; p != nil && *p {
				return []scenario.Variant{v, glued}, nil
			}
			return []scenario.Variant{v}, nil
		},
	}
}
