package timeout

import (
	"context"
	"fmt"
	"time"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/sock"
	"github.com/sockharness/harness/toxics/hook"
)

func slowReader() scenario.Scenario {
	return scenario.Scenario{
		ID:    "timeout/slow-reader",
		Title: "A server closes a client that never reads its answers",
		Rationale: "A write blocks when the client's window is full. A read timeout does not end it. The thread, or the " +
			"memory for all unsent answers, stays occupied for as long as the client wants.",
		Ref:   "send(2) SO_SNDTIMEO; mattgodbolt/xania#102, http-kit#180",
		Level: outcome.Must,
		Roles: scenario.ServerRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			p := c.Target.Policies
			switch {
			case p.IdleTimeout == 0:
				return nil, c.UnsupportedErrorf("the target does not declare idle_timeout")
			case len(c.Target.Server.Command) == 0 || c.Conversation.Script == nil:
				return nil, c.UnsupportedErrorf("the harness can see a server close its socket only if it starts the server; give a command instead of an address")
			case c.Outgoing().ByteCount() == 0:
				return nil, c.UnsupportedErrorf("the dialogue has no answer")
			case len(c.Incoming().SpokenExchanges()) > 1 && (p.Pipelining == nil || !*p.Pipelining):
				return nil, c.UnsupportedErrorf("the target does not declare pipelining")
			}
			// As many answers as no buffer on the way holds.
			times := 1 + unreadLimit/int(c.Outgoing().ByteCount())
			return []scenario.Variant{{
				Budget: stretchLimit(p.IdleTimeout),
				Run: func(ctx context.Context, rig scenario.Rig) error {
					return askAndSleep(ctx, rig, c.Incoming().Bytes, times, p.IdleTimeout)
				},
				Expect: []scenario.Expectation{scenario.ExpectRunSucceeds()},
			}}, nil
		},
	}
}

// tight is the window of the client that does not read.
var tight = hook.SocketLimits{ReceiveBuffer: 4096, SegmentSize: 1460}

// askAndSleep asks for more than the buffers on the way hold, reads nothing, and
// waits for the server to close its end, which only its descriptors tell: a FIN
// waits behind what is not read.
func askAndSleep(ctx context.Context, rig scenario.Rig, requests []byte, times int, limit time.Duration) error {
	conn, err := rig.DialWindow(ctx, tight)
	if err != nil {
		return err
	}
	defer conn.Close()
	closed, err := rig.AwaitAccepted(ctx, conn)
	if err != nil {
		return fmt.Errorf("accept: %w", err)
	}
	asked := make(chan struct{})
	go func() {
		defer close(asked)
		for range times {
			if _, err := conn.Write(requests); err != nil {
				return
			}
		}
	}()
	defer func() { conn.Close(); <-asked }()
	if err := awaitInput(ctx, conn); err != nil {
		return err
	}
	rig.ReportStruck("answers arrive at the client, which does not read them")
	return awaitLetGo(ctx, rig, limit, closed)
}

func awaitLetGo(ctx context.Context, rig scenario.Rig, limit time.Duration, closed func(context.Context) bool) error {
	const kept = "the server does not close a client that does not read its answers"
	hang, stop := watchHang(ctx, rig, true)
	defer stop()
	waiting, cancel := context.WithCancel(ctx)
	over := make(chan struct{})
	defer func() { cancel(); <-over }()
	go func() { defer close(over); closed(waiting) }()
	select {
	case <-over:
	case proof := <-hang:
		cancel()
		if closed(waiting) { // a server that has let go waits for the next client
			return nil
		}
		return fmt.Errorf("%s, although it declares idle_timeout %v: %s", kept, limit, proof)
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%s within its idle_timeout of %v: %w", kept, limit, context.Cause(ctx))
	}
	return nil
}

// awaitInput blocks until something has arrived, without reading it. The kernel
// gives no event of it that leaves the bytes where they are.
func awaitInput(ctx context.Context, conn sock.Conn) error {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		n, err := sock.InQueue(conn)
		if n > 0 || err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("no answer: %w", context.Cause(ctx))
		}
	}
}
