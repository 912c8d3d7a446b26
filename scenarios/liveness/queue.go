package liveness

import (
	"context"
	"errors"
	"fmt"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/sock"
)

const (
	resets    = 200 // connections that are reset before the server has seen them
	atATime   = 100 // of them, as far as the queue has room
	mostTurns = 20
)

func resetInQueue() scenario.Scenario {
	return scenario.Scenario{
		ID:    "liveness/reset-in-queue",
		Title: "Hundreds of clients that end in the accept queue cost the server nothing",
		Rationale: "accept fails with ECONNABORTED or returns a dead socket on which every call fails, even getpeername. A " +
			"server that stops on this error is down. A server that does not release the slot, lock or descriptor of " +
			"such a connection is down after some hundred of them. A client may also have sent a whole request before it left: " +
			"the server reads it, and its answer meets a reset.",
		Ref:   "accept(2); UNP 16.6; tiny-http#283, squid#27, hickory-dns#3726, lwt#830; catalogue: accept-econnaborted",
		Level: outcome.Must,
		Roles: scenario.ServerRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			if err := requireProcess(c, "paused so that connections wait"); err != nil {
				return nil, err
			}
			budget := 4 * c.Budget // a process for each of hundreds of clients takes its time
			variants := []scenario.Variant{scenario.ActVariant("left=reset", budget, func(ctx context.Context, rig scenario.Rig) error {
				return endMany(ctx, rig, "were reset", func(conn sock.Conn) error { return sock.ResetConn(conn) })
			})}
			if request := c.Conversation.Script.Steps[0].Send; len(request) > 0 && c.Conversation.State.Separate() {
				variants = append(variants, scenario.ActVariant("left=request", budget, func(ctx context.Context, rig scenario.Rig) error {
					return endMany(ctx, rig, "sent a request and closed", func(conn sock.Conn) error { return leaveRequest(conn, request) })
				}))
			}
			return variants, nil
		},
	}
}

// endMany ends connections in the queue of the server, turn by turn, until enough are;
// after each turn a fresh client asks. What says in words how they end.
func endMany(ctx context.Context, rig scenario.Rig, what string, end func(sock.Conn) error) error {
	total := 0
	for turn := 0; total < resets && turn < mostTurns; turn++ {
		n, err := endQueued(ctx, rig, end)
		if err != nil {
			return err
		}
		total += n
		rig.ReportStruck(fmt.Sprintf("%s %s in the accept queue", plural.Count(total, "client"), what))
		if err := rig.FirstExchange(ctx); err != nil {
			return fmt.Errorf("a new client was not served after %s %s in the accept queue: %w", plural.Count(total, "client"), what, err)
		}
	}
	return nil
}

// leaveRequest sends a whole request and closes. Where TLS is spoken it is bytes that are
// none: there is no handshake with a server that is paused.
func leaveRequest(conn sock.Conn, request []byte) error {
	below, _ := scenario.BelowTLS(conn)
	_, err := below.Write(request)
	return errors.Join(err, conn.Close())
}

// endQueued fills the queue of a paused server, ends what is in it, and lets the server go
// on.
func endQueued(ctx context.Context, rig scenario.Rig, end func(sock.Conn) error) (int, error) {
	if err := rig.PauseServer(ctx); err != nil {
		return 0, err
	}
	defer rig.ResumeServer()
	var all crowd
	err := all.queueClients(ctx, rig, atATime)
	if queueFull(err, all) {
		err = nil
	}
	for _, conn := range all {
		err = errors.Join(err, end(conn))
	}
	return len(all), errors.Join(err, rig.ResumeServer())
}
