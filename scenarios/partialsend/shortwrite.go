package partialsend

import (
	"context"
	"fmt"
	"slices"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/scenario"
)

// shortest is the length from which a tiny window makes a sender's write short
// without touching the sender: its buffer and the window together hold less.
const shortest = 128 << 10

// shortestElsewhere is the same for unix sockets, whose buffers we do not make smaller.
const shortestElsewhere = 1 << 20

func shortWrite() scenario.Scenario {
	return scenario.Scenario{
		ID:    "partialsend/short-write",
		Title: "A message is sent completely although a send takes only part of it",
		Rationale: "send returns how many bytes it took. On loopback a send usually takes megabytes and hides the bug. A slow " +
			"reader with a tiny window shows it for long messages. For short ones, from 2 bytes on, the harness fills the send " +
			"buffer of the socket from outside and leaves room for a few bytes: for a server's reply, and for a client's request " +
			"that follows a reply. A client's first request, one over TLS, and one of a client that asks first whether there is room, is made " +
			"short by an answer to its send (seccomp user notification). All of that is about sockets that do not block (O_NONBLOCK).",
		Ref:   "send(2); dcarp/asynchronous#9, libtrading/libtrading#114",
		Level: outcome.Must,
		Roles: scenario.AnyRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			stream := c.Outgoing()
			at, length := stream.LongestMessage()
			if length < shortest {
				return shortSends(c, false)
			}
			if t := c.Target.Transport(); t != scenario.TCP && t != scenario.TLS && length < shortestElsewhere {
				return nil, c.UnsupportedErrorf("only TCP has a window; what this transport (%s) takes holds a message of %s", t, plural.Count(length, "byte"))
			}
			hold := scenario.FaultAt("small_window", stream.Direction, at,
				map[string]any{"receive_buffer": 1, "segment_size": 536, "hold": true})
			v := completeVariant("", hold)
			v.Budget = 2 * c.Budget
			return []scenario.Variant{v}, nil
		},
	}
}

func interruptedSend() scenario.Scenario {
	return scenario.Scenario{
		ID:    "partialsend/interrupted-send",
		Title: "A message is sent completely although a signal interrupts the send",
		Rationale: "A send on a socket that blocks waits until the kernel has taken all bytes, unless a signal comes: then it " +
			"returns how many it took so far, even where no handler is set (a stop and continue, a suspended machine, a " +
			"debugger). A program that does not look at the count loses the rest of its message.",
		Ref:   "send(2); signal(7), interruption of system calls by stop signals",
		Level: outcome.Should,
		Roles: scenario.AnyRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			return shortSends(c, true)
		},
	}
}

// mostRoom is less than what one segment of our windows holds.
const mostRoom = 400

// shortSends returns variants in which a send of the server takes a part of its longest
// reply.
func shortSends(c scenario.Case, interrupted bool) ([]scenario.Variant, error) {
	t := c.Target
	switch {
	case c.Role == scenario.Client:
		return shortRequests(c, interrupted)
	case t.Client.Dialogue == nil || c.Conversation.Script == nil:
		return nil, c.UnsupportedErrorf("this scenario needs a client dialogue")
	case len(t.Server.Command) == 0:
		return nil, c.UnsupportedErrorf("the harness did not start the server, so it cannot fill its send buffer")
	case t.Transport() != scenario.TCP && t.Transport() != scenario.TLS:
		return nil, c.UnsupportedErrorf("only TCP takes a part of a short message; this transport (%s) takes a message of less than %d bytes whole", t.Transport(), shortestElsewhere)
	}
	exchange, _, length := c.Outgoing().LongestExchange()
	if length < 2 {
		return nil, c.UnsupportedErrorf("all replies have less than 2 bytes")
	}
	send := scenario.ShortSend{Exchange: exchange, Interrupted: interrupted}
	return roomVariants(c, send, scenario.Rig.HoldShortSend, 1, min(length/2, mostRoom), min(length-1, mostRoom)), nil
}

// roomVariants returns a variant for each number of bytes that the send takes; hold runs one.
func roomVariants(c scenario.Case, send scenario.ShortSend, hold func(scenario.Rig, context.Context, scenario.ShortSend) error, rooms ...int64) (out []scenario.Variant) {
	for _, room := range slices.Compact(rooms) {
		one := send
		one.Room = int(room)
		out = append(out, scenario.ActVariant(fmt.Sprintf("room=%d", room), 2*c.Budget, func(ctx context.Context, rig scenario.Rig) error {
			return hold(rig, ctx, one)
		}))
	}
	return out
}

// shortRequests returns variants in which a send of the client takes a part of its longest
// request of which it is known when it sends it: the first one, and one that follows a reply.
func shortRequests(c scenario.Case, interrupted bool) ([]scenario.Variant, error) {
	t, script := c.Target, c.Conversation.Script
	switch {
	case t.Server.Dialogue == nil || script == nil:
		return nil, c.UnsupportedErrorf("this scenario needs a server dialogue")
	case t.Transport() == scenario.UDP:
		return nil, c.UnsupportedErrorf("a datagram is sent whole or not at all")
	}
	exchange, length := -1, int64(0)
	for i := range c.Conversation.Upstream.ExchangeEnds {
		from, to := c.Conversation.Upstream.ExchangeRange(i)
		if known := scenario.FollowsReply(script, i) || i == 0; known && to-from > length {
			exchange, length = i, to-from
		}
	}
	if length < 2 {
		return nil, c.UnsupportedErrorf("no request of the client of 2 bytes or more is its first one, or follows a reply, so it is not known when it sends")
	}
	request := scenario.ShortSend{Exchange: exchange, Interrupted: interrupted}
	return roomVariants(c, request, scenario.Rig.HoldShortRequest, 1, min(length/2, mostRoom)), nil // each costs a process
}
