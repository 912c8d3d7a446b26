// Package reset checks that a peer outlives connections that are torn down: by
// RST at any moment, and by a peer that is simply gone.
package reset

import (
	"context"
	"fmt"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/sock"
	"github.com/sockharness/harness/harness/suite"
	"github.com/sockharness/harness/toxics"
)

// Declare declares the topic's Ginkgo containers on the bench.
func Declare(b *suite.Bench) { b.Topic("reset", Scenarios()...) }

// Scenarios lists the topic's scenarios.
func Scenarios() []scenario.Scenario {
	return []scenario.Scenario{beforeAccept(), midRequest(), midReply(), unreadData(), idle(), vanish()}
}

// queued is how many connections are reset while they wait to be accepted.
const queued = 5

func beforeAccept() scenario.Scenario {
	return scenario.Scenario{
		ID:    "reset/before-accept",
		Title: "Connections that are reset while they wait to be accepted do not disturb the server",
		Rationale: "accept may fail with ECONNABORTED, or return a socket that is dead already. A server that takes either " +
			"for a reason to stop accepting is down for everybody.",
		Ref:   "accept(2); UNP 16.6; tiny-http#283, squid#27, grpc#29318",
		Level: outcome.Must,
		Roles: scenario.Servers(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			if len(c.Target.Server.Command) == 0 {
				return nil, c.Unsupported("only a process of ours can be paused so that connections wait")
			}
			return []scenario.Variant{{
				Act:    resetInQueue,
				Expect: []scenario.Expectation{scenario.Acts()},
			}}, nil
		},
	}
}

// resetInQueue stops the server, connects, resets, and lets the server go on.
func resetInQueue(ctx context.Context, rig scenario.Rig) error {
	if err := rig.Pause(ctx); err != nil {
		return err
	}
	defer rig.Resume()
	for range queued {
		conn, err := rig.Dial(ctx)
		if err != nil {
			return fmt.Errorf("connect to the paused server: %w", err)
		}
		accepted, err := rig.Accepted(conn)
		if accepted {
			err = fmt.Errorf("the paused server has accepted a connection")
		}
		if resetErr := sock.Reset(conn); err == nil {
			err = resetErr
		}
		if err != nil {
			return err
		}
	}
	rig.Struck(fmt.Sprintf("%d connections reset in the accept queue", queued))
	return rig.Resume()
}

func midRequest() scenario.Scenario {
	return scenario.Scenario{
		ID:    "reset/mid-request",
		Title: "A reset inside a request ends that connection and nothing else",
		Rationale: "ECONNRESET where the rest of a message was expected is the error path nobody runs: an exception without " +
			"a handler takes the whole server with it.",
		Ref:   "RFC 9293 §3.10.7; statsd/statsd#591, node-red#50",
		Level: outcome.Must,
		Roles: scenario.Servers(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			return sweep(c, c.Toward().Direction, c.Toward().In("body", max(4, c.Limit/4))), nil
		},
	}
}

func midReply() scenario.Scenario {
	return scenario.Scenario{
		ID:    "reset/mid-reply",
		Title: "A reset inside a reply: the server serves on, the client does not take what it has for the whole",
		Rationale: "To a client whose read loop ends on any error, a reset looks like the end of the data: exit status 0 on " +
			"half an answer.",
		Ref:   "RFC 9293 §3.10.7; psf/requests#2833",
		Level: outcome.Must,
		Roles: scenario.Anyone(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			var expect []scenario.Expectation // of a server, what is expected of every server
			if c.Role == scenario.Client {
				expect = append(expect, scenario.ReportsFailure())
			}
			replies := c.Conversation.Downstream
			return sweep(c, event.Downstream, replies.In("body", max(4, c.Limit/4)), expect...), nil
		},
	}
}

func sweep(c scenario.Case, d event.Direction, offsets []int64, expect ...scenario.Expectation) []scenario.Variant {
	var out []scenario.Variant
	for _, at := range offsets {
		out = append(out, scenario.Variant{
			Name:   fmt.Sprintf("byte=%d", at),
			Faults: []toxics.Spec{scenario.Strike("reset", d, at, nil)},
			Expect: expect,
		})
	}
	return out
}

func unreadData() scenario.Scenario {
	return scenario.Scenario{
		ID:    "reset/unread-data",
		Title: "A client that closes with most of the reply unread does not disturb the server",
		Rationale: "close with unread data in the socket sends RST while the server is still writing: its next write fails " +
			"in the middle of a reply.",
		Ref:   "RFC 1122 §4.2.2.13; xania#102",
		Level: outcome.Must,
		Roles: scenario.Servers(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			if c.From().Len() < 64<<10 {
				return nil, c.Unsupported("the replies are too short (%d bytes) to be left unread", c.From().Len())
			}
			window := map[string]any{"receive_buffer": 4096, "segment_size": 1460}
			at, _ := c.From().Longest()
			return []scenario.Variant{{
				Faults: []toxics.Spec{
					scenario.FromStart("small_window", event.Downstream, window),
					scenario.Strike("reset", event.Downstream, at+1, nil),
				},
			}}, nil
		},
	}
}

func idle() scenario.Scenario {
	return scenario.Scenario{
		ID:    "reset/idle",
		Title: "A reset between messages ends that connection and nothing else",
		Rationale: "The peer waits in recv, epoll or an event loop for a message, and gets an error: the place where handlers " +
			"are forgotten.",
		Ref:   "portless#111, nodejs/help#1807",
		Level: outcome.Must,
		Roles: scenario.Anyone(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			ends := c.Conversation.Downstream.Ends
			if len(ends) == 0 {
				return nil, c.Unsupported("the dialogue does not tell where replies end")
			}
			v := scenario.Variant{
				Faults: []toxics.Spec{scenario.Strike("reset", event.Downstream, ends[0], nil)},
				NoEnd:  true,
			}
			if c.Role == scenario.Client {
				v.Expect = []scenario.Expectation{scenario.FailsOrRecovers()}
			}
			return []scenario.Variant{v}, nil
		},
	}
}

func vanish() scenario.Scenario {
	return scenario.Scenario{
		ID:    "reset/vanish",
		Title: "A peer that has closed while it is still written to does not kill the writer",
		Rationale: "After FIN the first write draws a reset and the second one raises SIGPIPE, whose default is death. A reset " +
			"alone never does that, so this is a fault of its own.",
		Ref:   "send(2) MSG_NOSIGNAL; libevent#1398, mangband#552",
		Level: outcome.Must,
		Roles: scenario.Anyone(),
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
	stream := c.Toward()
	out := []scenario.Variant{{
		Name:   "requests=1",
		Faults: []toxics.Spec{scenario.Strike("vanish", event.Upstream, stream.Ends[0], nil)},
	}}
	requests := fitting(stream)
	if len(c.Target.Server.Command) > 0 && c.Conversation.Script != nil && requests > 1 {
		out = append(out, scenario.Variant{
			Name: fmt.Sprintf("requests=%d", requests),
			Act: func(ctx context.Context, rig scenario.Rig) error {
				return askAndVanish(ctx, rig, stream.Bytes[:stream.Ends[requests-1]])
			},
			Expect: []scenario.Expectation{scenario.Acts()},
		})
	}
	return out
}

// fitting returns how many requests a server's receive buffer holds for sure.
func fitting(s scenario.Stream) int {
	n := 0
	for n < len(s.Ends) && s.Ends[n] <= 16<<10 {
		n++
	}
	return n
}

// askAndVanish sends requests to a server that stands still, and closes: when it
// goes on, everything is there to be answered and nobody to read it. Its first
// answer draws the reset, its second is written to a broken pipe.
func askAndVanish(ctx context.Context, rig scenario.Rig, requests []byte) error {
	conn, err := rig.Dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	closed, err := rig.AwaitAccepted(ctx, conn)
	if err != nil {
		return fmt.Errorf("accept: %w", err)
	}
	if err := rig.Pause(ctx); err != nil {
		return err
	}
	defer rig.Resume()
	if _, err := conn.Write(requests); err != nil {
		return fmt.Errorf("requests to the paused server: %w", err)
	}
	if err := conn.Close(); err != nil {
		return err
	}
	rig.Struck(fmt.Sprintf("closed after %d bytes of requests that the server had not read", len(requests)))
	if err := rig.Resume(); err != nil {
		return err
	}
	closed(ctx)
	return nil
}

// vanishedServer is gone after its first reply, while the client goes on.
func vanishedServer(c scenario.Case) ([]scenario.Variant, error) {
	ends := c.Toward().Ends
	if len(ends) < 2 {
		return nil, c.Unsupported("the client has nothing left to send after the first reply")
	}
	return []scenario.Variant{{
		Faults: []toxics.Spec{scenario.Strike("vanish", event.Downstream, ends[0], nil)},
		Expect: []scenario.Expectation{scenario.ReportsFailure()},
	}}, nil
}
