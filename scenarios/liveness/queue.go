package liveness

import (
	"context"
	"errors"
	"fmt"

	"github.com/sockharness/harness/harness/outcome"
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
		Title: "Hundreds of clients that are gone before they are accepted cost nothing",
		Rationale: "accept returns a socket that is dead, or fails with ECONNABORTED: nothing that is asked of it works, its " +
			"peer's name included. Who gives up then is down; who forgets to give back what it took for the " +
			"connection, a slot, a lock, a descriptor, is down after some hundred of them.",
		Ref:   "accept(2); UNP 16.6; tiny-http#283, squid#27, hickory-dns#3726, lwt#830; catalogue: accept-econnaborted",
		Level: outcome.Must,
		Roles: scenario.Servers(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			if err := ours(c, "paused so that connections wait"); err != nil {
				return nil, err
			}
			v := variant("", resetMany)
			v.Budget = 4 * c.Budget // a process for each of hundreds of clients takes its time
			return []scenario.Variant{v}, nil
		},
	}
}

// resetMany resets connections in the queue of the server, turn by turn, until
// enough are; after each turn a fresh client asks.
func resetMany(ctx context.Context, rig scenario.Rig) error {
	total := 0
	for turn := 0; total < resets && turn < mostTurns; turn++ {
		n, err := resetQueued(ctx, rig)
		if err != nil {
			return err
		}
		total += n
		rig.Struck(fmt.Sprintf("%d connections reset in the accept queue", total))
		if err := rig.Greet(ctx); err != nil {
			return fmt.Errorf("a fresh client is not served after %d that were reset before they were accepted: %w", total, err)
		}
	}
	return nil
}

// resetQueued fills the queue of a paused server, resets what is in it, and lets
// the server go on.
func resetQueued(ctx context.Context, rig scenario.Rig) (int, error) {
	if err := rig.Pause(ctx); err != nil {
		return 0, err
	}
	defer rig.Resume()
	var all crowd
	err := all.queue(ctx, rig, atATime)
	if full(err, all) {
		err = nil
	}
	for _, conn := range all {
		err = errors.Join(err, sock.Reset(conn))
	}
	return len(all), errors.Join(err, rig.Resume())
}
