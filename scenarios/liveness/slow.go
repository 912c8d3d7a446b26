package liveness

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/sock"
	"github.com/sockharness/harness/toxics/hook"
)

const (
	// toomuch is how many bytes of answers are asked for: a socket whose reader has
	// a tiny window takes some 240 KB of them at most, a few times as much on other kernels.
	toomuch = 2 << 20
	// least is how many must be had, or nobody knows whether the server will have
	// to wait.
	least = 512 << 10
	// mostAsked bounds the requests for that.
	mostAsked = 8 << 20
)

// tiny is the window of a client that does not read.
var tiny = hook.SocketLimits{ReceiveBuffer: 4096, SegmentSize: 1460}

func slowReader() scenario.Scenario {
	return scenario.Scenario{
		ID:    "liveness/slow-reader-beside-healthy",
		Title: "A client that requests a lot and reads nothing does not block other clients",
		Rationale: "A write blocks when its client does not read. A server that blocks in an event loop, or while it holds a " +
			"lock, makes all clients wait for the slowest one.",
		Ref:   "send(2); xania#102; catalogue: slow-reader-blocks-all",
		Level: outcome.Must,
		Roles: scenario.ServerRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			if err := requireDialogue(c); err != nil {
				return nil, err
			}
			requests, err := largeDemand(c)
			if err != nil {
				return nil, err
			}
			return []scenario.Variant{scenario.ActVariant("", 2*c.Budget, func(ctx context.Context, rig scenario.Rig) error {
				return readNothing(ctx, rig, requests)
			})}, nil
		},
	}
}

// largeDemand returns requests whose answers are more than a socket takes: all of the
// dialogue, and then the one with the longest answer again and again. Who has
// not said that it takes requests before it has answered is asked once.
func largeDemand(c scenario.Case) ([]byte, error) {
	script := c.Conversation.Script
	for _, step := range script.Steps {
		if step.ShutdownWrite {
			return nil, c.UnsupportedErrorf("the client's FIN is part of the request, so the client can send only one request")
		}
	}
	if !c.Target.Policies.MayPipeline() {
		_, start, length := c.Outgoing().LongestExchange()
		if start > c.Outgoing().Greeting || length < least {
			return nil, c.UnsupportedErrorf("the target does not declare pipelining, and its first answer has less than %d bytes", least)
		}
		return script.Steps[0].Send, nil
	}
	longest, length, err := repeatableStep(c)
	if err != nil {
		return nil, err
	}
	again := script.Steps[longest].Send
	times := min(toomuch/length+1, mostAsked/len(again))
	if times*length < least {
		return nil, c.UnsupportedErrorf("%d bytes of requests get less than %d bytes of answers", mostAsked, least)
	}
	return append(bytes.Clone(script.RequestBytes()), bytes.Repeat(again, times)...), nil
}

// repeatableStep returns the step whose request has the longest answer and can be sent
// again and again, and the length of that answer.
func repeatableStep(c scenario.Case) (step, answer int, err error) {
	script := c.Conversation.Script
	longest, _, length := c.Outgoing().LongestExchange()
	if length == 0 || len(script.Steps[longest].Send) == 0 {
		return 0, 0, c.UnsupportedErrorf("the dialogue has no request with an answer of known length")
	}
	if script.Steps[longest].Once {
		return 0, 0, c.UnsupportedErrorf("the request with the longest answer is sent once on a connection (once) and cannot be repeated")
	}
	if !scenario.IsWholeRequest(script, longest) {
		return 0, 0, c.UnsupportedErrorf("the request with the longest answer is part of a longer one (continues) and cannot be repeated")
	}
	return longest, int(length), nil
}

// readNothing asks, does not read, and lets fresh clients ask until one was
// served although the server has come to a halt with the other.
func readNothing(ctx context.Context, rig scenario.ConversationRig, requests []byte) error {
	kernel, err := openView()
	if err != nil {
		return err
	}
	defer kernel.closeView()
	slow, err := rig.DialWindow(ctx, tiny)
	if err != nil {
		return err
	}
	defer slow.Close()
	for sent := 0; ctx.Err() == nil; {
		sent += kernel.feedRequests(ctx, slow, requests, sent)
		before, _ := kernel.serverEnd(slow)
		err := rig.FirstExchange(ctx)
		after, gone := kernel.serverEnd(slow)
		switch {
		case gone != nil, after.State != sock.Established && after.State != sock.CloseWait:
			rig.ReportStruck("the server has closed the client that does not read")
			return err
		case ctx.Err() != nil && hasHalted(before, after):
			return fmt.Errorf("a new client was still waiting for its answer: %w", context.Cause(ctx))
		case ctx.Err() != nil:
			return errTooSlowToFill
		case err != nil:
			rig.ReportStruck(unreadText(after))
			return fmt.Errorf("a new client was not served next to a client that does not read: %w", err)
		case hasHalted(before, after) && (sent == len(requests) || after.RQueue > 0):
			rig.ReportStruck(unreadText(after))
			return nil
		}
	}
	return errTooSlowToFill
}

// errTooSlowToFill is for a server whose answers are small and slow. It has not blocked, and nobody knows
// whether it would.
var errTooSlowToFill = fmt.Errorf("%w: the server answers too slowly for its buffers to fill within the time of the scenario", scenario.ErrUnsupported)

const (
	// piece is how much of the requests is sent before the server has read what
	// was sent before: what lies unread is little, so that it is at rest.
	piece = 32 << 10
	// atOnce bounds the wait for a piece to be read.
	atOnce = 50 * time.Millisecond
)

// feedRequests sends requests from the given offset on, piece by piece as long as the
// server reads them, and returns how much that was.
func (v kernelView) feedRequests(ctx context.Context, conn sock.Conn, requests []byte, from int) int {
	at := from
	for v.awaitRead(ctx, conn, uint64(at), atOnce) == nil && at < len(requests) {
		n, err := conn.Write(requests[at:min(at+piece, len(requests))])
		at += n
		if err != nil {
			break
		}
	}
	return at - from
}

// hasHalted reports that the server had answers to send, and neither sent nor read
// anything between two looks at its end.
func hasHalted(before, after sock.Socket) bool {
	return after.WQueue > 0 && after.WQueue == before.WQueue && after.RQueue == before.RQueue &&
		after.BytesReceived == before.BytesReceived
}

func unreadText(s sock.Socket) string {
	return fmt.Sprintf("%s of answers were in the server's socket, unread by their client", plural.Count(s.WQueue, "byte"))
}
