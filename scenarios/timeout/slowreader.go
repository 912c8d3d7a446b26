package timeout

import (
	"context"
	"fmt"
	"time"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/sock"
	"github.com/sockharness/harness/harness/wire"
)

func slowReader() scenario.Scenario {
	return scenario.Scenario{
		ID:    "timeout/slow-reader",
		Title: "A server lets a client go that never reads its answers",
		Rationale: "A write blocks when the client's window is full. A limit for reading alone does not end it: the thread, or " +
			"the memory of everything still to be sent, is gone for as long as the client likes.",
		Ref:   "send(2) SO_SNDTIMEO; mattgodbolt/xania#102, http-kit#180",
		Level: outcome.Must,
		Roles: scenario.Servers(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			p := c.Target.Policies
			switch {
			case p.IdleTimeout == 0:
				return nil, c.Unsupported("the target declares no idle_timeout")
			case len(c.Target.Server.Command) == 0 || c.Conversation.Script == nil:
				return nil, c.Unsupported("only of a process of ours is it known that it has let go")
			case c.From().Len() == 0:
				return nil, c.Unsupported("there is no answer")
			case len(c.Toward().Ends) > 1 && (p.Pipelining == nil || !*p.Pipelining):
				return nil, c.Unsupported("the target does not declare pipelining")
			}
			// As many answers as no buffer on the way holds.
			times := 1 + deaf/int(c.From().Len())
			return []scenario.Variant{{
				Budget: stretched(p.IdleTimeout),
				Act: func(ctx context.Context, rig scenario.Rig) error {
					return askAndSleep(ctx, rig, c.Toward().Bytes, times, p.IdleTimeout)
				},
				Expect: []scenario.Expectation{scenario.Acts()},
			}}, nil
		},
	}
}

// tight is the window of the client that does not read.
var tight = wire.Window{ReceiveBuffer: 4096, SegmentSize: 1460}

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
	rig.Struck("the answers begin to arrive, and nobody reads them")
	return awaitLetGo(ctx, rig, limit, closed)
}

func awaitLetGo(ctx context.Context, rig scenario.Rig, limit time.Duration, closed func(context.Context) bool) error {
	const kept = "the server keeps a client that does not read its answers"
	hang, stop := hanging(ctx, rig, true)
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
		return fmt.Errorf("%s for ever, in spite of its idle_timeout of %v: %s", kept, limit, proof)
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%s beyond its idle_timeout of %v: %w", kept, limit, context.Cause(ctx))
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
