package timeout

import (
	"fmt"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/toxics/spec"
)

func beforeAnswer() scenario.Scenario {
	return scenario.Scenario{
		ID:    "timeout/before-answer",
		Title: "A client whose request is not answered gives up within its limit",
		Rationale: "The server accepts the connection and the request, and then sends nothing: the process hangs behind a " +
			"healthy port. A client that limits only its connect hangs too, and so does its caller.",
		Ref:   "recv(2) SO_RCVTIMEO; ringojs#281, hcoles/pitest#1056",
		Level: outcome.Must,
		Roles: scenario.ClientRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			return []scenario.Variant{silentVariant(c, "", scenario.FaultAt("stall", event.Downstream, 0, nil))}, nil
		},
	}
}

// silentVariant is a variant in which the client hears nothing more. One that declares
// no limit may wait forever.
func silentVariant(c scenario.Case, name string, faults ...spec.Spec) scenario.Variant {
	v := scenario.Variant{Name: name, Faults: faults, Expect: []scenario.Expectation{scenario.GivesUp()}}
	if c.Target.Policies.AnswerTimeout == 0 {
		v.Level, v.Declare = outcome.Info, "policies: {answer_timeout: 3s}, with the client's own limit"
	}
	return v
}

func midAnswer() scenario.Scenario {
	return scenario.Scenario{
		ID:    "timeout/mid-answer",
		Title: "A client whose answer stops in the middle gives up within its limit and reports the truncated answer",
		Rationale: "Some clients limit the wait for the first byte and then read to the end without a limit. If the server " +
			"dies in the middle of an answer, or a cable is unplugged, these clients hang.",
		Ref:   "recv(2) SO_RCVTIMEO; hcoles/pitest#1056",
		Level: outcome.Must,
		Roles: scenario.ClientRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			var out []scenario.Variant
			for _, at := range breakPlaces(c.Incoming()) {
				out = append(out, silentVariant(c, fmt.Sprintf("byte=%d", at), scenario.FaultAt("stall", event.Downstream, at, nil)))
			}
			return out, nil
		},
	}
}

// breakPlaces returns two places to stop at: one byte short of the first answer, and
// the middle of the longest. Each costs a client its whole limit.
func breakPlaces(s scenario.Stream) []int64 {
	var out []int64
	if len(s.MessageEnds) > 0 && s.MessageEnds[0] > 1 {
		out = append(out, s.MessageEnds[0]-1)
	}
	if start, length := s.LongestMessage(); length > 2 && start+length/2 != s.MessageEnds[0]-1 {
		out = append(out, start+length/2)
	}
	return out
}

func blackHole() scenario.Scenario {
	return scenario.Scenario{
		ID:    "timeout/black-hole",
		Title: "A client whose server falls silent in the middle of a conversation gives up within its limit",
		Rationale: "After the first exchange everything that either side sends is dropped, as by a firewall that lost the " +
			"connection's state or a host without power. No FIN and no RST arrive. A limit that covers the first " +
			"answer only does not help.",
		Ref:   "RFC 1122 §4.2.3.6; webdis#54, nsqio/nsq#698",
		Level: outcome.Must,
		Roles: scenario.ClientRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			up, down := c.Outgoing(), c.Incoming()
			answers := down.SpokenExchanges()
			if len(up.SpokenExchanges()) < 2 || len(answers) < 2 {
				return nil, c.UnsupportedErrorf("the dialogue has only one exchange; timeout/before-answer covers that")
			}
			return []scenario.Variant{silentVariant(c, "",
				scenario.FaultAt("timeout", event.Upstream, up.ExchangeEnds[answers[0]], nil),
				scenario.FaultAt("stall", event.Downstream, down.ExchangeEnds[answers[0]], nil))}, nil
		},
	}
}

// unreadLimit is how much of a request a peer that never reads takes for sure: what
// the buffers on the way hold, tight as they are (162 KB measured).
const unreadLimit = 300 << 10

func nobodyReads() scenario.Scenario {
	return scenario.Scenario{
		ID:    "timeout/nobody-reads",
		Title: "A client whose request is not read gives up within its limit",
		Rationale: "A send blocks only when the buffers on the way are full, which small requests never do. A receive timeout " +
			"does not limit a blocked send.",
		Ref:   "send(2) SO_SNDTIMEO; net.Conn.SetWriteDeadline",
		Level: outcome.Must,
		Roles: scenario.ClientRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			_, start, length := c.Outgoing().LongestExchange()
			switch {
			case length < unreadLimit:
				return nil, c.UnsupportedErrorf("the longest request (%s) fits into the socket buffers", plural.Count(length, "byte"))
			case c.Target.Policies.AnswerTimeout == 0:
				return nil, c.UnsupportedErrorf("the target does not declare answer_timeout")
			}
			window := map[string]any{"receive_buffer": 4096, "segment_size": 1460}
			return []scenario.Variant{silentVariant(c, "",
				scenario.FaultFromStart("small_window", event.Upstream, window),
				scenario.FaultAt("stall", event.Upstream, start+1, nil))}, nil
		},
	}
}

// tooLate is by how much a late answer misses the declared limit.
const tooLate = 300 * time.Millisecond

func lateAnswer() scenario.Scenario {
	return scenario.Scenario{
		ID:    "timeout/late-answer",
		Title: "A client does not take a late answer for the answer to its next request",
		Rationale: "A client gives up a request and sends the next one on the same connection. It then reads the late answer " +
			"as the answer to the next request. From then on every answer belongs to the previous request, and no " +
			"error shows it.",
		Ref:   "secdev/scapy#5133, cfengine/core#2350, grid-x/modbus#133",
		Level: outcome.Must,
		Roles: scenario.ClientRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			limit, answers := c.Target.Policies.AnswerTimeout, c.Incoming().SpokenExchanges()
			switch {
			case limit == 0:
				return nil, c.UnsupportedErrorf("the target does not declare answer_timeout, so no answer is too late")
			case len(answers) < 2:
				return nil, c.UnsupportedErrorf("the dialogue has no next request")
			}
			late := scenario.FaultAt("stall", event.Downstream, mistakablePlace(c.Incoming()), map[string]any{"duration": (limit + tooLate).Milliseconds()})
			late.Connection = 1
			return []scenario.Variant{{
				Faults: []spec.Spec{late},
				Budget: limit + c.Budget,
				Expect: []scenario.Expectation{scenario.FailsOrRecovers()},
			}}, nil
		},
	}
}

// mistakablePlace returns where an answer begins that is as long as the one after it,
// so that a look at the length does not tell them apart; else where the first
// begins.
func mistakablePlace(s scenario.Stream) int64 {
	answers := s.SpokenExchanges()
	for i := 0; i+1 < len(answers); i++ {
		from, to := s.ExchangeRange(answers[i])
		next, end := s.ExchangeRange(answers[i+1])
		if to-from == end-next {
			return from
		}
	}
	first, _ := s.ExchangeRange(answers[0])
	return first
}

// greetingAfter is how long the greeting is held back.
const greetingAfter = 400 * time.Millisecond

func lateGreeting() scenario.Scenario {
	return scenario.Scenario{
		ID:    "timeout/late-greeting",
		Title: "A client waits for the server's greeting, even if it comes late",
		Rationale: "A server that looks up the client before its greeting needs a moment. It treats a client that sends first " +
			"as a spammer, or its request as garbage. On a fast network the greeting always comes first, so tests miss " +
			"this.",
		Ref:   "RFC 5321 §4.3.1; haraka/Haraka#970",
		Level: outcome.Must,
		Roles: scenario.ClientRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			greeting := c.Target.Policies.Greeting
			if greeting == nil || !*greeting {
				return nil, c.UnsupportedErrorf("the target does not declare that its client waits for a greeting")
			}
			return []scenario.Variant{{
				Faults: []spec.Spec{scenario.FaultAt("stall", event.Downstream, 0, map[string]any{"duration": greetingAfter.Milliseconds()})},
				Expect: []scenario.Expectation{scenario.WaitsForGreeting(), scenario.ExpectCompletion()},
			}}, nil
		},
	}
}

// breather is how long a stream rests in the middle of a message: longer than
// what people take for its end, shorter than any limit.
const breather = 700 * time.Millisecond

func pausedReply() scenario.Scenario {
	return scenario.Scenario{
		ID:    "timeout/pause",
		Title: "A pause inside a message does not end it",
		Rationale: "\"No data for a while, so the message is complete\" works on one machine. A retransmission takes 200 ms or " +
			"more, a mobile network takes seconds. Such a server executes half a request, and such a client accepts " +
			"half an answer.",
		Ref:   "RFC 6298 §2.4 (a retransmission after 1 s is in order); yegor256/takes#1227, chriskohlhoff/asio#502",
		Level: outcome.Must,
		Roles: scenario.AnyRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			rest, places := breather, breakPlaces(c.Incoming())
			if limit := c.Target.Policies.AnswerTimeout; c.Role == scenario.Client && limit > 0 {
				rest = min(rest, limit/8) // some count from the start of the request
			}
			if limit := c.Target.Policies.IdleTimeout; c.Role == scenario.Server && limit > 0 {
				rest = min(rest, limit/2)
			}
			var out []scenario.Variant
			for _, at := range places {
				v := scenario.Variant{
					Name:   fmt.Sprintf("byte=%d", at),
					Faults: []spec.Spec{scenario.FaultAt("stall", c.Role.IncomingDirection(), at, map[string]any{"duration": rest.Milliseconds()})},
					Budget: rest,
					Expect: []scenario.Expectation{scenario.ExpectCompletion()},
				}
				v.Control = pauseControl(c, at)
				out = append(out, v)
			}
			return out, nil
		},
	}
}

// pauseControl splits the message at the same byte and goes on at once.
func pauseControl(c scenario.Case, at int64) *scenario.Control {
	return &scenario.Control{Without: "the pause", See: "partialsend/split", Variant: scenario.Variant{
		Name:   fmt.Sprintf("byte=%d", at),
		Faults: []spec.Spec{scenario.SplitAt(c.Role.IncomingDirection(), at)},
		Expect: []scenario.Expectation{scenario.ExpectCompletion()},
	}}
}
