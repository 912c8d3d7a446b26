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
		Title: "A server lets a client go that says nothing for longer than its idle limit",
		Rationale: "Clients that crash behind a router, and port scanners, connect and say nothing. Without a limit each of them " +
			"costs a descriptor, and in most designs a thread, until the server is restarted.",
		Ref:   "slowloris, CVE-2012-5568; SocketHttpListener#15",
		Level: outcome.Must,
		Roles: scenario.Servers(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			return idling(c, "silent from the start, and after an answer",
				opening{"a client that has said nothing", nil},
				opening{"a client that was answered once", exchange(c)})
		},
	}
}

func deadPeer() scenario.Scenario {
	return scenario.Scenario{
		ID:    "timeout/dead-peer",
		Title: "A server lets a client go that falls silent inside a request",
		Rationale: "The limit for the next request is there; the one for the rest of this request is forgotten. A client that " +
			"lost its network in the middle of an upload is waited for until the server is restarted.",
		Ref:   "nicolasff/webdis#54 (20 h), dinhvh/libetpan#465",
		Level: outcome.Must,
		Roles: scenario.Servers(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			requests := c.Toward()
			if len(requests.Ends) == 0 || requests.Ends[0] < 2 {
				return nil, c.Unsupported("the first request is too short to stop inside")
			}
			first := requests.Bytes[:requests.Ends[0]]
			return idling(c, "silent after the first byte of a request, and before the last",
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
		played := scenario.First(c.Conversation.Script, 1).PlayClient(ctx, conn, dialogue.Options{NoEnd: true})
		if played.Steps < 1 {
			return errors.New("the first exchange did not take place")
		}
		return nil
	}
}

// grace is the share of a declared limit by which a server may be late: limits
// are checked in rounds.
const grace = 1.5

func stretched(limit time.Duration) time.Duration { return time.Duration(grace * float64(limit)) }

// idling opens a connection for each opening, side by side, and wants the server
// to end all of them.
func idling(c scenario.Case, name string, openings ...opening) ([]scenario.Variant, error) {
	limit := c.Target.Policies.IdleTimeout
	switch {
	case limit == 0:
		return nil, c.Unsupported("the target declares no idle_timeout: it may keep silent clients for as long as it likes")
	case c.Conversation.Script == nil:
		return nil, c.Unsupported("without a dialogue nobody knows where a request ends")
	}
	return []scenario.Variant{{
		Budget: stretched(limit),
		Act: func(ctx context.Context, rig scenario.Rig) error {
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
				waits[i] = ended(conn)
			}
			rig.Struck(name)
			return awaitAll(ctx, rig, limit, openings, waits)
		},
		Expect: []scenario.Expectation{scenario.Acts()},
	}}, nil
}

func awaitAll(ctx context.Context, rig scenario.Rig, limit time.Duration, openings []opening, waits []<-chan error) error {
	hang, stop := hanging(ctx, rig, false)
	defer stop()
	var kept []error
	for i, o := range openings {
		select {
		case <-waits[i]:
			continue
		case proof := <-hang:
			return fmt.Errorf("the server keeps %s for ever, in spite of its idle_timeout of %v: %s", o.who, limit, proof)
		case <-ctx.Done():
			kept = append(kept, fmt.Errorf("the server keeps %s beyond its idle_timeout of %v: %w", o.who, limit, context.Cause(ctx)))
		}
	}
	return errors.Join(kept...)
}

// hanging returns where the proof will come from that the server waits for ever.
// stop waits for the search to end.
func hanging(ctx context.Context, rig scenario.Rig, deaf bool) (proof <-chan string, stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	found, done := make(chan string, 1), make(chan struct{})
	go func() {
		defer close(done)
		if p, err := rig.AwaitStuck(ctx, deaf); err == nil {
			found <- p
		}
	}()
	return found, func() { cancel(); <-done }
}

// ended reads until the stream has ended, however it does. The reader ends with
// the connection.
func ended(conn sock.Conn) <-chan error {
	over := make(chan error, 1)
	go func() {
		_, err := io.Copy(io.Discard, conn)
		over <- err
	}()
	return over
}
