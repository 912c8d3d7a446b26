package udp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/scenario"
)

// A datagramReader is a socket as the acts read it.
type datagramReader interface {
	Read([]byte) (int, error)
	SetReadDeadline(time.Time) error
}

// expireRead ends a read that is under way, and those that follow.
func expireRead(conn datagramReader) { _ = conn.SetReadDeadline(time.Unix(1, 0)) }

func truncatedRequest() scenario.Scenario {
	return scenario.Scenario{
		ID:    "udp/truncated-request",
		Title: "A request that was cut is not answered as if it were whole",
		Rationale: "recv returns the length of a datagram. A server that ignores it finds, behind a short datagram, the bytes of the one " +
			"before in its buffer, and carries out what no client has asked. Networks and relays cut datagrams, and any host can send a short one.",
		Ref:   "recv(2); CWE-908; catalogue: udp-truncated",
		Level: outcome.Must,
		Roles: scenario.ServerRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			steps, err := answeredSteps(c)
			if err != nil {
				return nil, err
			}
			if c.Conversation.Script.WritesCaptured(steps[0]) {
				return nil, errNoReply(c)
			}
			script, step := c.Conversation.Script, steps[0]
			if c.Target.Policies.Truncated == scenario.TruncationAccepted {
				return nil, c.UnsupportedErrorf("the target declares truncated: accepted")
			}
			var out []scenario.Variant
			for _, size := range cuts(len(script.Steps[step].Send)) {
				out = append(out, act(c, fmt.Sprintf("bytes=%d", size), func(ctx context.Context, rig scenario.Rig) error {
					return sendCut(ctx, rig, c, script, step, size)
				}))
			}
			return out, nil
		},
	}
}

// cuts returns the sizes that a datagram of so many bytes is cut to: up to half of it, as
// what is left out at its end may mean nothing.
func cuts(size int) []int {
	all := []int{1, 2, size / 4, size / 3, size / 2}
	all = slices.DeleteFunc(all, func(n int) bool { return n < 1 || n >= size })
	slices.Sort(all)
	return slices.Compact(all)
}

// sendCut sends a request whole, then cut on a socket of its own, then another one whole,
// and looks whether the cut one was answered too. Each has the words of its own
// connection, for a server may know a request again by its id.
func sendCut(ctx context.Context, rig scenario.Rig, c scenario.Case, script *dialogue.Script, step, size int) error {
	first := *script
	first.Steps = script.Steps[:step+1]
	if err := playLenient(ctx, rig, &first); err != nil {
		return fmt.Errorf("before the cut request: %w", err)
	}
	conn, err := dialWatched(ctx, rig)
	if err != nil {
		return err
	}
	defer conn.Close()
	cut := script.ForConnection()
	request := cut.Steps[step].Send
	if _, err := conn.Write(request[:size]); err != nil {
		return err
	}
	rig.ReportStruck(fmt.Sprintf("request %d of %s was sent whole, then cut to %d", step+1, plural.Count(len(request), "byte"), size))
	if err := playLenient(ctx, rig, &first); err != nil {
		return fmt.Errorf("the server answers no request after one that was cut to %s: %w", plural.Count(size, "byte"), err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(settling))
	answers, err := countAnswers(ctx, conn, cut, step)
	switch {
	case err != nil || answers == 0:
		return nil
	case c.Target.Policies.Truncated == scenario.TruncationUndeclared:
		return scenario.NewUndeclared("policies: {truncated: ignored}, or error; accepted if the rest of a request means nothing",
			"the first %d of %d bytes of request %d got the answer to the whole request", size, len(request), step+1)
	}
	return fmt.Errorf("the first %d of %s of request %d got the answer to the whole request: the server takes bytes of an earlier datagram for its end", size, plural.Count(len(request), "byte"), step+1)
}

// settling is how long an answer may follow the one to a request that was sent later.
const settling = 20 * time.Millisecond

// countAnswers counts the datagrams that are the reply of a step: it waits for the first until
// the context ends, or the deadline that the socket has, and then for a moment.
func countAnswers(ctx context.Context, conn datagramReader, script *dialogue.Script, step int) (int, error) {
	stop := context.AfterFunc(ctx, func() { expireRead(conn) })
	defer stop()
	buf := make([]byte, dialogue.MaxDatagram)
	for answers := 0; ; {
		n, err := conn.Read(buf)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded) && (answers > 0 || ctx.Err() == nil):
			return answers, nil
		case err != nil && ctx.Err() != nil:
			return 0, context.Cause(ctx)
		case err != nil:
			return 0, err
		case script.MatchesDatagram(step, buf[:n]):
			answers++
			_ = conn.SetReadDeadline(time.Now().Add(settling))
		}
	}
}

func emptyDatagram() scenario.Scenario {
	return scenario.Scenario{
		ID:    "udp/empty-datagram",
		Title: "An empty datagram is not the end",
		Rationale: "A datagram without payload is legal, and recv returns 0 for it. A server that takes 0 for the end, as on a stream, " +
			"stops serving all clients; any host can send one.",
		Ref:   "recv(2); RFC 768; catalogue: udp-truncated",
		Level: outcome.Must,
		Roles: scenario.ServerRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			return sendEach(c, []bad{{what: "an empty datagram"}})
		},
	}
}

func badDatagram() scenario.Scenario {
	return scenario.Scenario{
		ID:    "udp/bad-datagram",
		Title: "One bad datagram does not end a server",
		Rationale: "There is no connection that an error could end: an exception that leaves the receive loop, an index beyond the end " +
			"of a short datagram, a message that cannot be decoded end the service for all clients. Any host can send one.",
		Ref:   "RFC 8085 §6; CWE-248; catalogue: udp-icmp-kills-loop",
		Level: outcome.Must,
		Roles: scenario.ServerRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			all := []bad{
				{"zero-byte", "one zero byte", []byte{0}, false},
				{"one-byte", "one byte 0xff", []byte{0xff}, false},
				{"line-end", "a line end", []byte("\n"), false},
				{"no-utf8", "bytes that are no UTF-8", bytes.Repeat([]byte{0xc3, 0x28, 0xff, 0xfe}, 16), false},
				{"long-zeros", "65507 zero bytes", make([]byte, dialogue.MaxDatagram), false},
				{"long-text", "65507 letters", bytes.Repeat([]byte("a"), dialogue.MaxDatagram), false},
			}
			if steps, err := answeredSteps(c); err == nil {
				if request := c.Conversation.Script.Steps[steps[0]].Send; len(request) > 1 {
					all = append(all, bad{"half-request", "half a request", request[:len(request)/2], true}, bad{"inverted-request", "a request with all bits inverted", inverted(request), true})
				}
			}
			return sendEach(c, all)
		},
	}
}

// A bad is a datagram that is no request.
type bad struct {
	name, what string
	bytes      []byte
	alone      bool // it has a socket of its own
}

func inverted(b []byte) []byte {
	out := bytes.Clone(b)
	for i := range out {
		out[i] = ^out[i]
	}
	return out
}

// sendEach returns a variant for each datagram.
func sendEach(c scenario.Case, all []bad) ([]scenario.Variant, error) {
	if _, err := answeredSteps(c); err != nil {
		return nil, err
	}
	var out []scenario.Variant
	for _, b := range all {
		b.alone = b.alone || c.Target.Policies.TransferPort // an answer to it says where the socket goes on
		out = append(out, act(c, b.name, func(ctx context.Context, rig scenario.Rig) error {
			return sendBad(ctx, rig, c.Conversation.Script, b)
		}))
	}
	return out, nil
}

// sendBad sends a bad datagram, and then holds the conversation: on the same socket, which
// may bring answers to the bad one too, but where a part of a request has used up its id.
func sendBad(ctx context.Context, rig scenario.Rig, script *dialogue.Script, b bad) error {
	conn, err := dialWatched(ctx, rig)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.Write(b.bytes); err != nil {
		return err
	}
	rig.ReportStruck("sent " + b.what)
	if b.alone {
		err = playLenient(ctx, rig, script)
	} else {
		watched, stop := conn.watch(ctx, rig)
		defer stop()
		err = playedError(watched, script, script.PlayClient(watched, conn, dialogue.Options{Lenient: true}))
	}
	if err != nil {
		return fmt.Errorf("after %s the server does not serve: %w", b.what, err)
	}
	return nil
}
