package timeout

import (
	"fmt"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/toxics"
)

func beforeAnswer() scenario.Scenario {
	return scenario.Scenario{
		ID:    "timeout/before-answer",
		Title: "A client whose request is not answered gives up within its limit",
		Rationale: "The connect worked, the request was taken, and nothing comes: a server that is wedged behind a healthy " +
			"port. A client with a limit to connect and none to wait hangs for ever, and whatever called it does too.",
		Ref:   "recv(2) SO_RCVTIMEO; ringojs#281, hcoles/pitest#1056",
		Level: outcome.Must,
		Roles: scenario.Clients(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			return []scenario.Variant{silent(c, "", scenario.Strike("stall", event.Downstream, 0, nil))}, nil
		},
	}
}

// silent is a variant in which the client hears nothing more. One that declares
// no limit may wait for ever.
func silent(c scenario.Case, name string, faults ...toxics.Spec) scenario.Variant {
	v := scenario.Variant{Name: name, Faults: faults, Expect: []scenario.Expectation{scenario.GivesUp()}}
	if c.Target.Policies.AnswerTimeout == 0 {
		v.Level = outcome.Info
	}
	return v
}

func midAnswer() scenario.Scenario {
	return scenario.Scenario{
		ID:    "timeout/mid-answer",
		Title: "A client whose answer stops in the middle gives up within its limit, and does not take what it has for the whole",
		Rationale: "Readers wait once for the first byte and then read to the end without a limit: the server that dies in the " +
			"middle of an answer, or the cable that is pulled, holds them for ever.",
		Ref:   "recv(2) SO_RCVTIMEO; hcoles/pitest#1056",
		Level: outcome.Must,
		Roles: scenario.Clients(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			var out []scenario.Variant
			for _, at := range broken(c.Toward()) {
				out = append(out, silent(c, fmt.Sprintf("byte=%d", at), scenario.Strike("stall", event.Downstream, at, nil)))
			}
			return out, nil
		},
	}
}

// broken returns two places to stop at: one byte short of the first answer, and
// the middle of the longest. Each costs a client its whole limit.
func broken(s scenario.Stream) []int64 {
	var out []int64
	if len(s.Ends) > 0 && s.Ends[0] > 1 {
		out = append(out, s.Ends[0]-1)
	}
	if start, length := s.Longest(); length > 2 && start+length/2 != s.Ends[0]-1 {
		out = append(out, start+length/2)
	}
	return out
}

func blackHole() scenario.Scenario {
	return scenario.Scenario{
		ID:    "timeout/black-hole",
		Title: "A client whose server falls silent in the middle of a conversation gives up within its limit",
		Rationale: "After the first exchange everything that either side sends is swallowed: a firewall that forgot the " +
			"connection, a host that lost its power. There is no FIN and no RST, and limits that held for the first answer only " +
			"are over.",
		Ref:   "RFC 1122 §4.2.3.6; webdis#54, nsqio/nsq#698",
		Level: outcome.Must,
		Roles: scenario.Clients(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			up, down := c.From(), c.Toward()
			if len(up.Ends) < 2 || len(down.Ends) < 2 {
				return nil, c.Unsupported("there is one exchange only; timeout/before-answer is about that")
			}
			return []scenario.Variant{silent(c, "",
				scenario.Strike("timeout", event.Upstream, up.Ends[0], nil),
				scenario.Strike("stall", event.Downstream, down.Ends[0], nil))}, nil
		},
	}
}

// deaf is how much of a request a peer that never reads takes for sure: what
// the buffers on the way hold, tight as they are (162 KB measured).
const deaf = 300 << 10

func nobodyReads() scenario.Scenario {
	return scenario.Scenario{
		ID:    "timeout/nobody-reads",
		Title: "A client whose request nobody reads gives up within its limit",
		Rationale: "A send blocks when the buffers on the way are full, and only then: with small requests it never does. A " +
			"limit for receiving alone does not end it.",
		Ref:   "send(2) SO_SNDTIMEO; net.Conn.SetWriteDeadline",
		Level: outcome.Must,
		Roles: scenario.Clients(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			start, length := c.From().Longest()
			switch {
			case length < deaf:
				return nil, c.Unsupported("the longest request (%d bytes) fits into the buffers on the way", length)
			case c.Target.Policies.AnswerTimeout == 0:
				return nil, c.Unsupported("the target declares no answer_timeout")
			}
			window := map[string]any{"receive_buffer": 4096, "segment_size": 1460}
			return []scenario.Variant{silent(c, "",
				scenario.FromStart("small_window", event.Upstream, window),
				scenario.Strike("stall", event.Upstream, start+1, nil))}, nil
		},
	}
}

// tooLate is by how much a late answer misses the declared limit.
const tooLate = 300 * time.Millisecond

func lateAnswer() scenario.Scenario {
	return scenario.Scenario{
		ID:    "timeout/late-answer",
		Title: "A client does not take an answer that comes too late for the answer to its next request",
		Rationale: "A client that gives a request up and goes on over the same connection reads the late answer as that to the " +
			"next one; from then on every answer belongs to the request before, and nothing says so.",
		Ref:   "secdev/scapy#5133, cfengine/core#2350, grid-x/modbus#133",
		Level: outcome.Must,
		Roles: scenario.Clients(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			limit, ends := c.Target.Policies.AnswerTimeout, c.Toward().Ends
			switch {
			case limit == 0:
				return nil, c.Unsupported("the target declares no answer_timeout: nobody knows what is too late")
			case len(ends) < 2:
				return nil, c.Unsupported("there is no next request")
			}
			late := scenario.Strike("stall", event.Downstream, mistakable(c.Toward()), map[string]any{"duration": (limit + tooLate).Milliseconds()})
			late.Connection = 1
			return []scenario.Variant{{
				Faults: []toxics.Spec{late},
				Budget: limit + c.Budget,
				Expect: []scenario.Expectation{scenario.FailsOrRecovers()},
			}}, nil
		},
	}
}

// mistakable returns where an answer begins that is as long as the one after it,
// so that a look at the length does not tell them apart; else where the first
// begins.
func mistakable(s scenario.Stream) int64 {
	starts := s.Starts()
	for i := 0; i+1 < len(starts); i++ {
		if s.Ends[i]-starts[i] == s.Ends[i+1]-starts[i+1] {
			return starts[i]
		}
	}
	return 0
}

// greetingAfter is how long the greeting is held back.
const greetingAfter = 400 * time.Millisecond

func lateGreeting() scenario.Scenario {
	return scenario.Scenario{
		ID:    "timeout/late-greeting",
		Title: "A client that is to be greeted waits for it, however long it takes",
		Rationale: "A server that looks a client up before it speaks takes a moment. A client that speaks first is taken for a " +
			"spammer, or its request for garbage; on a fast network the greeting always came first.",
		Ref:   "RFC 5321 §4.3.1; haraka/Haraka#970",
		Level: outcome.Must,
		Roles: scenario.Clients(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			greeting := c.Target.Policies.Greeting
			if greeting == nil || !*greeting {
				return nil, c.Unsupported("the target does not declare that its clients wait for a greeting")
			}
			return []scenario.Variant{{
				Faults: []toxics.Spec{scenario.Strike("stall", event.Downstream, 0, map[string]any{"duration": greetingAfter.Milliseconds()})},
				Expect: []scenario.Expectation{scenario.WaitsForGreeting(), scenario.Completes()},
			}}, nil
		},
	}
}

// breather is how long a stream rests in the middle of a message: longer than
// what people take for its end, shorter than any limit.
const breather = 700 * time.Millisecond

func pause() scenario.Scenario {
	return scenario.Scenario{
		ID:    "timeout/pause",
		Title: "A pause inside a message is not its end",
		Rationale: "\"Nothing came for a while, so that was all\" works on one machine. A retransmission takes 200 ms and more, " +
			"a mobile network seconds: half a request is executed, half an answer believed.",
		Ref:   "RFC 6298 §2.4 (a retransmission after 1 s is in order); yegor256/takes#1227, chriskohlhoff/asio#502",
		Level: outcome.Must,
		Roles: scenario.Anyone(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			rest, places := breather, broken(c.Toward())
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
					Faults: []toxics.Spec{scenario.Strike("stall", c.Role.Toward(), at, map[string]any{"duration": rest.Milliseconds()})},
					Budget: rest,
					Expect: []scenario.Expectation{scenario.Completes()},
				}
				out = append(out, v)
			}
			return out, nil
		},
	}
}
