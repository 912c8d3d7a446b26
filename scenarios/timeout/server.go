package timeout

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/sock"
)

func idle() scenario.Scenario {
	return scenario.Scenario{
		ID:    "timeout/idle",
		Title: "A server closes a client that stays silent for longer than idle_timeout",
		Rationale: "Crashed clients behind a router, and port scanners, connect and send nothing. Without a limit each of " +
			"them occupies a descriptor, and in most designs a thread, until the server restarts.",
		Ref:   "slowloris, CVE-2012-5568; SocketHttpListener#15",
		Level: outcome.Must,
		Roles: scenario.ServerRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			return idleVariants(c, "client 1 is silent from the start, client 2 after an answer",
				opening{"a client that has sent no bytes", nil},
				opening{"a client that got one answer", exchange(c)})
		},
	}
}

func deadPeer() scenario.Scenario {
	return scenario.Scenario{
		ID:    "timeout/dead-peer",
		Title: "A server closes a client that falls silent inside a request",
		Rationale: "Many servers limit the wait for the next request but not the wait for the rest of a request. A client " +
			"that loses its network during an upload then occupies the server until it restarts.",
		Ref:   "nicolasff/webdis#54 (20 h), dinhvh/libetpan#465",
		Level: outcome.Must,
		Roles: scenario.ServerRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			requests := c.Incoming()
			if len(requests.ExchangeEnds) == 0 || requests.ExchangeEnds[0] < 2 {
				return nil, c.UnsupportedErrorf("the first request is too short to stop inside")
			}
			first := requests.Bytes[:requests.ExchangeEnds[0]]
			return idleVariants(c, "client 1 is silent after the first byte of a request, client 2 before the last byte",
				opening{"a client that has sent the first byte of a request", write(first[:1])},
				opening{"a client that has sent all but the last byte of a request", write(first[:len(first)-1])})
		},
	}
}

// An opening is what a client does before it falls silent.
type opening struct {
	who string
	do  func(context.Context, sock.Conn) error
}

func write(b []byte) func(context.Context, sock.Conn) error {
	return func(_ context.Context, conn sock.Conn) error {
		_, err := conn.Write(b)
		return err
	}
}

func exchange(c scenario.Case) func(context.Context, sock.Conn) error {
	return func(ctx context.Context, conn sock.Conn) error {
		played := scenario.FirstExchanges(c.Conversation.Script, 1).PlayClient(ctx, conn, dialogue.Options{NoEnd: true})
		if played.Steps < 1 {
			return errors.New("the first exchange did not happen")
		}
		return nil
	}
}

// grace is the share of a declared limit by which a server may be late: limits
// are checked in rounds.
const grace = 1.5

func stretchLimit(limit time.Duration) time.Duration { return time.Duration(grace * float64(limit)) }

// idleVariants opens a connection for each opening, side by side, and wants the server
// to end all of them.
func idleVariants(c scenario.Case, name string, openings ...opening) ([]scenario.Variant, error) {
	limit := c.Target.Policies.IdleTimeout
	switch {
	case limit == 0:
		return nil, c.UnsupportedErrorf("the target does not declare idle_timeout, so it may keep silent clients")
	case c.Conversation.Script == nil:
		return nil, c.UnsupportedErrorf("the target has no dialogue, so the harness does not know where a request ends; add a dialogue")
	}
	return []scenario.Variant{{
		Budget: stretchLimit(limit),
		Run: func(ctx context.Context, rig scenario.Rig) error {
			waits := make([]<-chan error, len(openings))
			for i, o := range openings {
				conn, err := rig.DialProxy(ctx)
				if err != nil {
					return err
				}
				defer conn.Close()
				if o.do != nil {
					if err := o.do(ctx, conn); err != nil {
						return fmt.Errorf("%s: %w", o.who, err)
					}
				}
				waits[i] = awaitEnd(conn)
			}
			rig.ReportStruck(name)
			return awaitAll(ctx, rig, limit, openings, waits)
		},
		Expect: []scenario.Expectation{scenario.ExpectRunSucceeds()},
	}}, nil
}

func awaitAll(ctx context.Context, rig scenario.Rig, limit time.Duration, openings []opening, waits []<-chan error) error {
	hang, stop := watchHang(ctx, rig, false)
	defer stop()
	var kept []error
	for i, o := range openings {
		select {
		case <-waits[i]:
			continue
		case proof := <-hang:
			return fmt.Errorf("the server does not close %s, although it declares idle_timeout %v: %s", o.who, limit, proof)
		case <-ctx.Done():
			kept = append(kept, fmt.Errorf("the server did not close %s within its idle_timeout of %v: %w", o.who, limit, context.Cause(ctx)))
		}
	}
	return errors.Join(kept...)
}

// watchHang returns where the proof will come from that the server waits forever.
// stop waits for the search to end.
func watchHang(ctx context.Context, rig scenario.KernelRig, neverReads bool) (proof <-chan string, stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	found, done := make(chan string, 1), make(chan struct{})
	go func() {
		defer close(done)
		if p, err := rig.AwaitStuck(ctx, neverReads); err == nil {
			found <- p
		}
	}()
	return found, func() { cancel(); <-done }
}

// awaitEnd reads until the stream has ended, however it does. The reader ends with
// the connection.
func awaitEnd(conn sock.Conn) <-chan error {
	over := make(chan error, 1)
	go func() {
		_, err := io.Copy(io.Discard, conn)
		over <- err
	}()
	return over
}
