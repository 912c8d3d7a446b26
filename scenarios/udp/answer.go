package udp

import (
	"bytes"
	"fmt"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/scenario"
)

// An odd makes the datagram that comes before the true answer; false: there is none.
type odd func(scenario.DatagramRequest) (scenario.DatagramReply, bool)

// beforeEach returns a variant for each exchange that is answered, in which something odd
// comes before its answer.
func beforeEach(c scenario.Case, make odd, expect scenario.Expectation) ([]scenario.Variant, error) {
	steps, err := answeredSteps(c)
	if err != nil {
		return nil, err
	}
	var out []scenario.Variant
	for _, step := range steps {
		out = append(out, scenario.Variant{Name: fmt.Sprintf("exchange=%d", step+1), Proof: scenario.ActStruck,
			Expect: []scenario.Expectation{expect}, Answer: func(r scenario.DatagramRequest) []scenario.DatagramReply {
				answer := []scenario.DatagramReply{{Bytes: r.Reply}}
				if strange, ok := make(r); ok && r.Step == step {
					return append([]scenario.DatagramReply{strange}, answer...)
				}
				return answer
			}})
	}
	return out, nil
}

func emptyReply() scenario.Scenario {
	return scenario.Scenario{
		ID:    "udp/empty-reply",
		Title: "An empty datagram is no answer and no end",
		Rationale: "recv returns 0 for it, which on a stream is the end. A client that takes it for the end of the answer reports success " +
			"without one.",
		Ref:   "recv(2); RFC 768; catalogue: udp-truncated",
		Level: outcome.Must,
		Roles: scenario.ClientRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			return beforeEach(c, func(scenario.DatagramRequest) (scenario.DatagramReply, bool) {
				return scenario.DatagramReply{Bytes: []byte{}, Odd: "an empty datagram came before the answer"}, true
			}, besidesNoise(scenario.FailsOrRecovers()))
		},
	}
}

func wrongSource() scenario.Scenario {
	return scenario.Scenario{
		ID:    "udp/wrong-source",
		Title: "An answer from another port is not the answer",
		Rationale: "Any host can send a datagram to a client's port. A client that does not connect its socket, or compare the sender's address, " +
			"takes a stranger's datagram for the answer of its server.",
		Ref:   "RFC 8085 §5.1; RFC 5452 §4.5; CWE-346",
		Level: outcome.Must,
		Roles: scenario.ClientRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			return beforeEach(c, func(r scenario.DatagramRequest) (scenario.DatagramReply, bool) {
				forged, ok := r.Server.ForgeReply(r.Bytes, false)
				return scenario.DatagramReply{Bytes: forged, Stranger: true, Odd: "an answer with other content came first, from a port that the client has not asked"}, ok
			}, besidesNoise(scenario.ExpectCompletion()))
		},
	}
}

func wrongID() scenario.Scenario {
	return scenario.Scenario{
		ID:    "udp/wrong-id",
		Title: "An answer with the id of another request is not the answer",
		Rationale: "It may be late and belong to an earlier request, or be a guess of a stranger who cannot see the request. " +
			"Only the id shows it. The dialogue says where the id is, with keep and ${name}.",
		Ref:   "RFC 5452 §4.3; RFC 7252 §4.4; CWE-290",
		Level: outcome.Must,
		Roles: scenario.ClientRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			if script := c.Conversation.Script; script == nil || !script.Captures() {
				return nil, c.UnsupportedErrorf("the dialogue gives nothing of a request back (keep, ${name}), so its id is not known")
			}
			return beforeEach(c, func(r scenario.DatagramRequest) (scenario.DatagramReply, bool) {
				forged, ok := r.Server.ForgeReply(r.Bytes, true)
				return scenario.DatagramReply{Bytes: forged, Odd: "an answer with another id and other content came first"}, ok
			}, besidesNoise(scenario.ExpectCompletion()))
		},
	}
}

func longReply() scenario.Scenario {
	return scenario.Scenario{
		ID:    "udp/long-reply",
		Title: "An answer that is longer than the client's buffer does no harm",
		Rationale: "The sender decides how long a datagram is. A client that gives recv a larger length than its buffer has, or " +
			"writes a zero after what it got, lets the sender overwrite its memory.",
		Ref:   "recv(2) MSG_TRUNC; CWE-787; catalogue: udp-truncated, unterminated-buffer",
		Level: outcome.Must,
		Roles: scenario.ClientRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			steps, err := answeredSteps(c)
			if err != nil {
				return nil, err
			}
			var out []scenario.Variant
			usual, _ := c.Conversation.Script.Steps[steps[0]].Expect.LiteralBytes()
			for _, size := range []int{512, 513, 1024, 4096, dialogue.MaxDatagram} {
				if size <= len(usual) {
					continue
				}
				out = append(out, scenario.Variant{Name: fmt.Sprintf("bytes=%d", size), Proof: scenario.ActStruck,
					Expect: []scenario.Expectation{unharmed()}, Answer: func(r scenario.DatagramRequest) []scenario.DatagramReply {
						if r.Step != steps[0] || r.Asked > 1 || len(r.Reply) >= size {
							return []scenario.DatagramReply{{Bytes: r.Reply}}
						}
						return []scenario.DatagramReply{{Bytes: padded(r.Reply, size), Odd: fmt.Sprintf("the answer had %s", plural.Count(size, "byte"))}}
					}})
			}
			return out, nil
		},
	}
}

// padded is a reply with letters behind it.
func padded(reply []byte, size int) []byte {
	return append(bytes.Clone(reply), bytes.Repeat([]byte("A"), size-len(reply))...)
}

// unharmed expects a client to end by itself, whatever it says of the answer.
func unharmed() scenario.Expectation {
	gives := scenario.FailsOrRecovers()
	return scenario.Expectation{Name: "unharmed", Check: func(o scenario.Observation) error {
		if o.Client != nil && !o.Client.TimedOut && o.Client.Exit.Signal == 0 {
			return nil
		}
		return gives.Check(o)
	}}
}

// besidesNoise lets a client write more than its usual output, such as a warning that
// something odd came, as long as all of that is there in one piece.
func besidesNoise(strict scenario.Expectation) scenario.Expectation {
	return scenario.Expectation{Name: strict.Name, Check: func(o scenario.Observation) error {
		usual := o.Case.Conversation
		r := o.Client
		if r != nil && !r.TimedOut && r.Exit.Signal == 0 && r.Exit.Code == usual.Exit && len(usual.Stdout) > 0 && bytes.Contains(r.Stdout, usual.Stdout) {
			return nil
		}
		return strict.Check(o)
	}}
}
