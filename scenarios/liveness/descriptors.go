package liveness

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
)

const (
	room     = 8  // descriptors that the server may still open
	mostDial = 96 // clients until it is clear that they take none of its descriptors
	beyond   = 2  // clients who come when there are none left; the shortest queue has room for them
	measured = 100 * time.Millisecond
	tried    = 100 * time.Millisecond // bounds the wait for the server to have tried to accept
	spins    = 0.6                    // share of a processor that a server takes which tries again at once
	calms    = 0.2                    // share that one takes which waits in between
	looks    = 5                      // until a share between the two is not held against it
)

func descriptors() scenario.Scenario {
	return scenario.Scenario{
		ID:    "liveness/descriptors-exhausted",
		Title: "A server that runs out of descriptors waits for one to come back, and serves again",
		Rationale: "accept fails with EMFILE while more clients are there than the limit of open files allows. It is a state " +
			"that passes: who takes it for fatal is down for good, who tries again at once keeps a processor busy " +
			"that those inside need.",
		Ref:   "accept(2) EMFILE; thousand_island#206, wai#830, libmill#182; catalogue: accept-dies-emfile, accept-spin-emfile",
		Level: outcome.Must,
		Roles: scenario.Servers(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			if err := ours(c, "limited in its descriptors"); err != nil {
				return nil, err
			}
			release := variant("release", func(ctx context.Context, rig scenario.Rig) error {
				return exhaust(ctx, rig, func() error { return nil })
			})
			hold := variant("hold", func(ctx context.Context, rig scenario.Rig) error {
				return exhaust(ctx, rig, func() error { return calm(ctx, rig) })
			})
			hold.Level = outcome.Should // Python's socketserver tries again at once
			release.Budget, hold.Budget = 2*c.Budget, 2*c.Budget
			return []scenario.Variant{release, hold}, nil
		},
	}
}

// exhaust lets so many clients in that the server has no descriptor left, looks
// while more of them wait, and lets them leave. A server with a process for each
// client has room for all of them.
func exhaust(ctx context.Context, rig scenario.Rig, look func() error) error {
	kernel, err := open()
	if err != nil {
		return err
	}
	defer kernel.close()
	restore, err := rig.LimitDescriptors(room)
	if err != nil {
		return err
	}
	defer restore()
	var all crowd
	defer func() { all.close() }()
	full, err := kernel.crowdOut(ctx, rig, &all)
	if err != nil {
		return err
	}
	if full {
		rig.Struck(fmt.Sprintf("no descriptor left after %d clients", len(all)))
	} else {
		rig.Struck(fmt.Sprintf("%d clients, and no process of the server that had to take more than %d of them", len(all), room))
	}
	if err := look(); err != nil {
		return err
	}
	all.close()
	// Until it has descriptors again, a server is right to turn clients away.
	if err := kernel.awaitReleased(ctx, rig, all); err != nil {
		return err
	}
	if err := rig.Greet(ctx); err != nil {
		return fmt.Errorf("a fresh client is not served after %d have left who took all descriptors: %w", len(all), err)
	}
	return nil
}

// crowdOut lets clients in until the server has no descriptor left and has tried to
// accept one more, or until so many are in that it never will. One that it was closing
// when its room was counted comes back, and takes in who was to wait.
func (v view) crowdOut(ctx context.Context, rig scenario.Rig, all *crowd) (full bool, err error) {
	for !full && len(*all) < mostDial {
		err := all.dial(ctx, rig, v, room)
		if err != nil && !errors.Is(err, errFull) {
			return false, err
		}
		if err == nil {
			full, err = v.awaitFull(ctx, rig, *all)
		}
		if err != nil {
			// Who serves one at a time, or has ended, is told elsewhere.
			return false, fmt.Errorf("%w: %w", scenario.ErrUnsupported, err)
		}
	}
	for full && len(*all) < mostDial {
		if err := wait(ctx, rig, all); err != nil {
			return true, err
		}
		if held, _ := v.accepted(*all); held < len(*all) {
			return true, nil
		}
	}
	return false, nil
}

// wait lets clients come for whom there is no descriptor, and blocks until the
// server has tried: they have woken it, and it sleeps again or has ended. One
// that spins does neither.
func wait(ctx context.Context, rig scenario.Rig, c *crowd) error {
	// There are servers, memcached for one, that ask for a shorter queue then.
	if err := c.queue(ctx, rig, beyond); err != nil && !errors.Is(err, errFull) {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, tried)
	defer cancel()
	_ = rig.AwaitAsleep(ctx)
	return nil
}

// awaitFull blocks until the server has no descriptor left, or every client of
// the crowd is accepted or turned away.
func (v view) awaitFull(ctx context.Context, rig scenario.Rig, c crowd) (full bool, err error) {
	err = until(ctx, rig, func() (bool, error) {
		var err error
		if full, err = rig.Exhausted(); full || err != nil {
			return true, err
		}
		held, gone := v.accepted(c)
		return held+gone == len(c), nil
	})
	if err != nil {
		return full, fmt.Errorf("%d clients are not all accepted: %w", len(c), err)
	}
	return full, nil
}

// calm returns an error if the server keeps a processor busy. On a machine where
// it gets none, nothing can be told of a short look, and it looks again.
func calm(ctx context.Context, rig scenario.Rig) error {
	for ctx.Err() == nil {
		busy, err := rig.Spin(ctx, measured)
		switch {
		case err != nil:
			return nil // it has ended, which is told elsewhere
		case busy.Busiest > spins:
			return fmt.Errorf("the server %w while it has no descriptor left: %s", scenario.ErrSpins, busy)
		case busy.Busiest < calms && busy.Elapsed < 2*measured:
			return nil
		}
	}
	return nil
}
