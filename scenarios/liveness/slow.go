package liveness

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/sock"
	"github.com/sockharness/harness/harness/wire"
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
var tiny = wire.Window{ReceiveBuffer: 4096, SegmentSize: 1460}

func slowReader() scenario.Scenario {
	return scenario.Scenario{
		ID:    "liveness/slow-reader-beside-healthy",
		Title: "A client that asks for a lot and reads nothing does not keep another one from being served",
		Rationale: "A write blocks when its reader does not read. Who writes that way in an event loop, or holds a lock that " +
			"others need meanwhile, waits for the slowest of its clients, and everybody with it.",
		Ref:   "send(2); xania#102; catalogue: slow-reader-blocks-all",
		Level: outcome.Must,
		Roles: scenario.Servers(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			if err := speaks(c); err != nil {
				return nil, err
			}
			requests, err := demand(c)
			if err != nil {
				return nil, err
			}
			v := variant("", func(ctx context.Context, rig scenario.Rig) error { return readNothing(ctx, rig, requests) })
			v.Budget = 2 * c.Budget
			return []scenario.Variant{v}, nil
		},
	}
}

// demand returns requests whose answers are more than a socket takes: all of the
// dialogue, and then the one with the longest answer again and again. Who has
// not said that it takes requests before it has answered is asked once.
func demand(c scenario.Case) ([]byte, error) {
	script := c.Conversation.Script
	for _, step := range script.Steps {
		if step.ShutdownWrite {
			return nil, c.Unsupported("the client's FIN is part of the request, so that it can ask only once")
		}
	}
	start, length := c.From().Longest()
	if declared := c.Target.Policies.Pipelining; declared == nil || !*declared {
		if start > 0 || length < least {
			return nil, c.Unsupported("the target does not declare that it takes many requests at once (pipelining), and its first answer has less than %d bytes", least)
		}
		return script.Steps[0].Send, nil
	}
	longest := c.From().Message(start)
	if longest >= len(script.Steps) || length == 0 || len(script.Steps[longest].Send) == 0 {
		return nil, c.Unsupported("no request has an answer of known length")
	}
	again := script.Steps[longest].Send
	times := min(toomuch/int(length)+1, mostAsked/len(again))
	if times*int(length) < least {
		return nil, c.Unsupported("%d bytes of requests are answered by less than %d bytes", mostAsked, least)
	}
	return append(bytes.Clone(script.Requests()), bytes.Repeat(again, times)...), nil
}

// readNothing asks, does not read, and lets fresh clients ask until one was
// served although the server has come to a halt with the other.
func readNothing(ctx context.Context, rig scenario.Rig, requests []byte) error {
	kernel, err := open()
	if err != nil {
		return err
	}
	defer kernel.close()
	slow, err := rig.DialWindow(ctx, tiny)
	if err != nil {
		return err
	}
	defer slow.Close()
	for sent := 0; ctx.Err() == nil; {
		sent += kernel.feed(ctx, slow, requests, sent)
		before, _ := kernel.far(slow)
		err := rig.Greet(ctx)
		after, gone := kernel.far(slow)
		switch {
		case gone != nil, after.State != sock.Established && after.State != sock.CloseWait:
			rig.Struck("the server has given the client up that does not read")
			return err
		case ctx.Err() != nil:
			return fmt.Errorf("the server was still answering: %w", context.Cause(ctx))
		case err != nil:
			rig.Struck(unread(after))
			return fmt.Errorf("a fresh client is not served beside one that does not read: %w", err)
		case halted(before, after) && (sent == len(requests) || after.RQueue > 0):
			rig.Struck(unread(after))
			return nil
		}
	}
	return fmt.Errorf("the server was still answering: %w", context.Cause(ctx))
}

const (
	// piece is how much of the requests is sent before the server has read what
	// was sent before: what lies unread is little, so that it is at rest.
	piece = 32 << 10
	// atOnce bounds the wait for a piece to be read.
	atOnce = 50 * time.Millisecond
)

// feed sends requests from the given offset on, piece by piece as long as the
// server reads them, and returns how much that was.
func (v view) feed(ctx context.Context, conn sock.Conn, requests []byte, from int) int {
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

// halted reports that the server had answers to send, and neither sent nor read
// anything between two looks at its end.
func halted(before, after sock.Socket) bool {
	return after.WQueue > 0 && after.WQueue == before.WQueue && after.RQueue == before.RQueue &&
		after.BytesReceived == before.BytesReceived
}

func unread(s sock.Socket) string {
	return fmt.Sprintf("%d bytes of answers in the server's socket, which their client does not read", s.WQueue)
}
