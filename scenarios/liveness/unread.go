package liveness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/sock"
)

const (
	// unreadAnswers is how many bytes of answers a client asks for that it does not read.
	unreadAnswers = 48 << 20
	// mostUnreadMemory is how much of them the server may keep.
	mostUnreadMemory = 16 << 20
	// unreadRequests bounds what is sent for that.
	unreadRequests = 48 << 20
	// haltedFor is for how long a server must have read nothing, and then sleep, to have stopped.
	haltedFor = 300 * time.Millisecond
)

func unreadMemory() scenario.Scenario {
	return scenario.Scenario{
		ID:    "liveness/unread-answers",
		Title: "Answers that their client does not read do not fill the memory",
		Rationale: "A client sends one request after the other and reads no answer. A server that hands its answers to a " +
			"runtime which queues them, and reads the next request at once, keeps them all in memory: socket.write of " +
			"Node and transport.write of asyncio do not wait. The server must stop reading while its answers are not taken.",
		Ref:   "send(2); nodejs.org stream: writable.write() and 'drain'; docs.python.org asyncio StreamWriter.drain; CWE-770",
		Level: outcome.Should,
		Roles: scenario.ServerRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			if err := requireProcess(c, "measured"); err != nil {
				return nil, err
			}
			request, answer, err := repeatedRequest(c)
			if err != nil {
				return nil, err
			}
			if unreadRequests/len(request)*answer < 2*mostUnreadMemory {
				return nil, c.UnsupportedErrorf("%d MiB of requests get less than %d MiB of answers", unreadRequests>>20, 2*mostUnreadMemory>>20)
			}
			return []scenario.Variant{scenario.ActVariant("", 4*c.Budget, func(ctx context.Context, rig scenario.Rig) error {
				return leaveUnread(ctx, rig, request, answer)
			})}, nil
		},
	}
}

// repeatedRequest returns the request with the longest answer, which can be sent again and
// again, and the length of that answer.
func repeatedRequest(c scenario.Case) (request []byte, answer int, err error) {
	if !c.Target.Policies.MayPipeline() {
		return nil, 0, c.UnsupportedErrorf("the target does not declare pipelining")
	}
	step, answer, err := repeatableStep(c)
	if err != nil {
		return nil, 0, err
	}
	if c.Conversation.Script.Steps[step].ShutdownWrite {
		return nil, 0, c.UnsupportedErrorf("the request with the longest answer cannot be repeated")
	}
	return c.Conversation.Script.Steps[step].Send, answer, nil
}

// leaveUnread sends requests for as long as the server reads them, and measures its memory.
func leaveUnread(ctx context.Context, rig scenario.Rig, request []byte, answer int) error {
	kernel, err := openView()
	if err != nil {
		return err
	}
	defer kernel.closeView()
	before, err := rig.ServerUsage()
	if err != nil {
		return err
	}
	conn, err := rig.DialWindow(ctx, tiny)
	if err != nil {
		return err
	}
	defer conn.Close()
	sent := kernel.sendWhileRead(ctx, rig, conn, bytes.Repeat(request, max(1, piece/len(request))), unreadAnswers/answer*len(request))
	asked := sent / len(request) * answer
	rig.ReportStruck(fmt.Sprintf("asked for %d KiB of answers and read none", asked>>10))
	now, err := rig.ServerUsage()
	if err != nil {
		return nil // it has ended: the alive oracle says so
	}
	if growth := now.GrowthSince(before).Memory; growth > mostUnreadMemory && asked > mostUnreadMemory {
		return fmt.Errorf("the server's resident memory grew by %d MiB while its client asked for %d MiB of answers and read none: it goes on to read requests", growth>>20, asked>>20)
	}
	return nil
}

// sendWhileRead sends the block again and again until the server has stopped to read, has
// closed, or most bytes are sent, and returns how many that were.
func (v kernelView) sendWhileRead(ctx context.Context, rig scenario.Rig, conn sock.Conn, block []byte, most int) (sent int) {
	for at := 0; sent < most && ctx.Err() == nil; {
		if conn.SetWriteDeadline(time.Now().Add(haltedFor)) != nil {
			return sent
		}
		n, err := conn.Write(block[at:])
		sent, at = sent+n, (at+n)%len(block)
		gone := err != nil && !errors.Is(err, os.ErrDeadlineExceeded)
		if gone || v.awaitRead(ctx, conn, uint64(sent), haltedFor) != nil && v.hasStopped(ctx, rig, conn, sent) {
			return sent
		}
	}
	return sent
}

// hasStopped reports whether the server sleeps although there is something to read: one
// that only lacks a processor goes on.
func (v kernelView) hasStopped(ctx context.Context, rig scenario.KernelRig, conn sock.Conn, sent int) bool {
	before, err := v.serverEnd(conn)
	if err != nil || rig.AwaitAsleep(ctx) != nil {
		return true
	}
	after, err := v.serverEnd(conn)
	return err != nil || after.RQueue > 0 && after.BytesReceived == before.BytesReceived && after.RQueue == before.RQueue
}
