// Package reset checks that a peer outlives connections that are torn down: by
// RST at any moment, and by a peer that is simply gone.
package reset

import (
	"context"
	"fmt"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/sock"
	"github.com/sockharness/harness/toxics/spec"
)

// Scenarios lists the topic's scenarios.
func Scenarios() []scenario.Scenario {
	return []scenario.Scenario{beforeAccept(), midRequest(), midReply(), unreadData(), idleReset(), vanishingPeer()}
}

// queued is how many connections are reset while they wait to be accepted.
const queued = 5

func beforeAccept() scenario.Scenario {
	return scenario.Scenario{
		ID:    "reset/before-accept",
		Title: "Connections reset in the accept queue do not disturb the server",
		Rationale: "accept may fail with ECONNABORTED or return a socket that is already dead. A server that stops accepting " +
			"after that is down for all clients.",
		Ref:   "accept(2); UNP 16.6; tiny-http#283, squid#27, grpc#29318",
		Level: outcome.Must,
		Roles: scenario.ServerRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			if len(c.Target.Server.Command) == 0 {
				return nil, c.UnsupportedErrorf("the harness did not start the server, so it cannot pause it; give a command instead of an address")
			}
			return []scenario.Variant{{
				Run:    resetInQueue,
				Expect: []scenario.Expectation{scenario.ExpectRunSucceeds()},
			}}, nil
		},
	}
}

// resetInQueue stops the server, connects, resets, and lets the server go on.
func resetInQueue(ctx context.Context, rig scenario.Rig) error {
	if err := rig.PauseServer(ctx); err != nil {
		return err
	}
	defer rig.ResumeServer()
	for range queued {
		conn, err := rig.DialServer(ctx)
		if err != nil {
			return fmt.Errorf("connect to the paused server: %w", err)
		}
		accepted, err := rig.WasAccepted(conn)
		if accepted {
			err = fmt.Errorf("the server accepted a connection while it was paused")
		}
		if resetErr := sock.ResetConn(conn); err == nil {
			err = resetErr
		}
		if err != nil {
			return err
		}
	}
	rig.ReportStruck(fmt.Sprintf("reset %s in the accept queue", plural.Count(queued, "connection")))
	return rig.ResumeServer()
}

func midRequest() scenario.Scenario {
	return scenario.Scenario{
		ID:    "reset/mid-request",
		Title: "A reset inside a request ends that connection only",
		Rationale: "ECONNRESET in the middle of a message is an error path that tests rarely reach. An exception without a " +
			"handler ends the whole server.",
		Ref:   "RFC 9293 §3.10.7; statsd/statsd#591, node-red#50",
		Level: outcome.Must,
		Roles: scenario.ServerRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			return resetSweep(c, c.Incoming().Direction, c.Incoming().InsideParts("body", max(4, c.Limit/4))), nil
		},
	}
}

func midReply() scenario.Scenario {
	return scenario.Scenario{
		ID:    "reset/mid-reply",
		Title: "After a reset inside a reply the server serves on, and the client reports the truncated reply",
		Rationale: "A client whose read loop stops on any error cannot tell a reset from the end of the data: it exits 0 on a " +
			"truncated answer.",
		Ref:   "RFC 9293 §3.10.7; psf/requests#2833",
		Level: outcome.Must,
		Roles: scenario.AnyRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			var expect []scenario.Expectation // of a server, what is expected of every server
			if c.Role == scenario.Client {
				expect = append(expect, scenario.ReportsFailure())
			}
			replies := c.Conversation.Downstream
			return resetSweep(c, event.Downstream, replies.InsideParts("body", max(4, c.Limit/4)), expect...), nil
		},
	}
}

func resetSweep(c scenario.Case, d event.Direction, offsets []int64, expect ...scenario.Expectation) []scenario.Variant {
	var out []scenario.Variant
	for _, at := range offsets {
		out = append(out, scenario.Variant{
			Name:   fmt.Sprintf("byte=%d", at),
			Faults: []spec.Spec{scenario.FaultAt("reset", d, at, nil)},
			Expect: expect,
		})
	}
	return out
}

func unreadData() scenario.Scenario {
	return scenario.Scenario{
		ID:    "reset/unread-data",
		Title: "A client that closes with most of the reply unread does not disturb the server",
		Rationale: "close with unread data in the socket sends RST while the server is still writing. The next write of the " +
			"server fails in the middle of a reply.",
		Ref:   "RFC 1122 §4.2.2.13; xania#102",
		Level: outcome.Must,
		Roles: scenario.ServerRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			if c.Outgoing().ByteCount() < 64<<10 {
				return nil, c.UnsupportedErrorf("the replies are too short (%s) to be left unread", plural.Count(c.Outgoing().ByteCount(), "byte"))
			}
			window := map[string]any{"receive_buffer": 4096, "segment_size": 1460}
			at, _ := c.Outgoing().LongestMessage()
			return []scenario.Variant{{
				Faults: []spec.Spec{
					scenario.FaultFromStart("small_window", event.Downstream, window),
					scenario.FaultAt("reset", event.Downstream, at+1, nil),
				},
			}}, nil
		},
	}
}

func idleReset() scenario.Scenario {
	return scenario.Scenario{
		ID:    "reset/idle",
		Title: "A reset between messages ends that connection only",
		Rationale: "The peer waits for a message in recv, epoll or an event loop and gets an error. Programs often have no " +
			"handler there.",
		Ref:   "portless#111, nodejs/help#1807",
		Level: outcome.Must,
		Roles: scenario.AnyRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			replies := c.Conversation.Downstream
			answers := replies.SpokenExchanges()
			if len(answers) == 0 {
				return nil, c.UnsupportedErrorf("the dialogue does not say where replies end")
			}
			v := scenario.Variant{
				Faults: []spec.Spec{scenario.FaultAt("reset", event.Downstream, replies.ExchangeEnds[answers[0]], nil)},
				NoEnd:  true,
			}
			if c.Role == scenario.Client {
				v.Expect = []scenario.Expectation{scenario.FailsOrRecovers()}
			}
			return []scenario.Variant{v}, nil
		},
	}
}

func vanishingPeer() scenario.Scenario {
	return scenario.Scenario{
		ID:    "reset/vanish",
		Title: "Writing to a peer that has closed does not kill the writer",
		Rationale: "After the peer has closed, the first write is answered with RST and the second one raises SIGPIPE, which " +
			"by default kills the process. A reset alone never does that, so this fault is tested separately.",
		Ref:   "send(2) MSG_NOSIGNAL; libevent#1398, mangband#552",
		Level: outcome.Must,
		Roles: scenario.AnyRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			if c.Role == scenario.Client {
				return vanishedServer(c)
			}
			return vanishedClient(c), nil
		},
	}
}

// vanishedClient is gone while the server has answers to write: from the middle
// of the conversation, and before it has read the first of many requests.
func vanishedClient(c scenario.Case) []scenario.Variant {
	stream := c.Incoming()
	spoken := stream.SpokenExchanges()
	if len(spoken) == 0 {
		return nil
	}
	out := []scenario.Variant{{
		Name:   "requests=1",
		Faults: []spec.Spec{scenario.FaultAt("vanish", event.Upstream, stream.ExchangeEnds[spoken[0]], nil)},
	}}
	requests := requestsThatFit(stream)
	if len(c.Target.Server.Command) > 0 && c.Conversation.Script != nil && requests > 1 {
		out = append(out, scenario.Variant{
			Name: fmt.Sprintf("requests=%d", requests),
			Run: func(ctx context.Context, rig scenario.Rig) error {
				return askAndVanish(ctx, rig, stream.Bytes[:stream.ExchangeEnds[requests-1]])
			},
			Expect: []scenario.Expectation{scenario.ExpectRunSucceeds()},
		})
	}
	return out
}

// requestsThatFit returns how many requests a server's receive buffer holds for sure.
func requestsThatFit(s scenario.Stream) int {
	n := 0
	for n < len(s.ExchangeEnds) && s.ExchangeEnds[n] <= 16<<10 {
		n++
	}
	return n
}

// askAndVanish sends requests to a server that stands still, and closes: when it
// goes on, everything is there to be answered and nobody to read it. Its first
// answer draws the reset, its second is written to a broken pipe.
func askAndVanish(ctx context.Context, rig scenario.Rig, requests []byte) error {
	conn, err := rig.DialServer(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	closed, err := rig.AwaitAccepted(ctx, conn)
	if err != nil {
		return fmt.Errorf("accept: %w", err)
	}
	if err := scenario.HandshakeFirst(ctx, conn); err != nil {
		return err
	}
	if err := rig.PauseServer(ctx); err != nil {
		return err
	}
	defer rig.ResumeServer()
	if _, err := conn.Write(requests); err != nil {
		return fmt.Errorf("requests to the paused server: %w", err)
	}
	if err := conn.Close(); err != nil {
		return err
	}
	rig.ReportStruck(fmt.Sprintf("the client closed after %s of requests that the server had not read", plural.Count(len(requests), "byte")))
	if err := rig.ResumeServer(); err != nil {
		return err
	}
	closed(ctx)
	return nil
}

// vanishedServer is gone after its first reply, while the client goes on.
func vanishedServer(c scenario.Case) ([]scenario.Variant, error) {
	answers := c.Incoming().SpokenExchanges()
	if len(answers) < 2 {
		return nil, c.UnsupportedErrorf("the client has nothing left to send after the first reply")
	}
	return []scenario.Variant{{
		Faults: []spec.Spec{scenario.FaultAt("vanish", event.Downstream, c.Incoming().ExchangeEnds[answers[0]], nil)},
		Expect: []scenario.Expectation{scenario.ReportsFailure()},
	}}, nil
}
