package liveness

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/scenario"
)

const (
	freeFDs  = 8  // descriptors that the server may still open
	mostDial = 96 // clients until it is clear that they take none of its descriptors
	beyond   = 2  // clients who come when there are none left; the shortest queue has room for them
	measured = 100 * time.Millisecond
	tried    = 100 * time.Millisecond // bounds the wait for the server to have tried to accept
	spins    = 0.6                    // share of a processor that a server takes which tries again at once
	calms    = 0.2                    // share that one takes which waits in between
	reports  = time.Second            // bounds the wait for the end of what it does about a failed accept
	// mostBursts is how often a server may be found busy and asleep afterwards.
	mostBursts = 2
)

func descriptorLimit() scenario.Scenario {
	return scenario.Scenario{
		ID:    "liveness/descriptors-exhausted",
		Title: "A server that runs out of descriptors waits until one is free and then serves again",
		Rationale: "accept fails with EMFILE when clients use up the limit of open files. The state is temporary. A server " +
			"that exits on EMFILE stays down; a server that retries accept without a pause uses a CPU that the " +
			"connected clients need.",
		Ref:   "accept(2) EMFILE; thousand_island#206, wai#830, libmill#182; catalogue: accept-dies-emfile, accept-spin-emfile",
		Level: outcome.Must,
		Roles: scenario.ServerRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			if err := requireProcess(c, "limited in its number of descriptors"); err != nil {
				return nil, err
			}
			release := scenario.ActVariant("release", 2*c.Budget, func(ctx context.Context, rig scenario.Rig) error {
				return exhaustDescriptors(ctx, rig, func() error { return nil })
			})
			hold := scenario.ActVariant("hold", 2*c.Budget, func(ctx context.Context, rig scenario.Rig) error {
				return exhaustDescriptors(ctx, rig, func() error { return checkCalm(ctx, rig) })
			})
			hold.Level = outcome.Should // Python's socketserver tries again at once
			return []scenario.Variant{release, hold}, nil
		},
	}
}

// exhaustDescriptors lets so many clients in that the server has no descriptor left, looks
// while more of them wait, and lets them leave. A server with a process for each
// client has room for all of them.
func exhaustDescriptors(ctx context.Context, rig scenario.Rig, look func() error) error {
	kernel, err := openView()
	if err != nil {
		return err
	}
	defer kernel.closeView()
	restore, err := rig.LimitDescriptors(freeFDs)
	if err != nil {
		return err
	}
	defer restore()
	var all crowd
	defer func() { all.closeAll() }()
	full, err := kernel.crowdOut(ctx, rig, &all)
	if err != nil {
		return err
	}
	if full {
		rig.ReportStruck(fmt.Sprintf("the server had no free descriptor after %s", plural.Count(len(all), "client")))
	} else {
		rig.ReportStruck(fmt.Sprintf("%s were connected, and no server process had to take more than %d of them", plural.Count(len(all), "client"), freeFDs))
	}
	if err := look(); err != nil {
		return err
	}
	all.closeAll()
	// Until it has descriptors again, a server is right to turn clients away.
	if err := kernel.awaitReleased(ctx, rig, all); err != nil {
		return err
	}
	if err := awaitServed(ctx, rig); err != nil {
		return fmt.Errorf("a new client was not served after %s had used all descriptors and left: %w", plural.Count(len(all), "client"), err)
	}
	return nil
}

// awaitServed blocks until the server serves a new client, and fails when it proves to
// serve nobody. One that turns clients away may still be without descriptors: a relay
// has two for each client, and a pool frees them one by one.
func awaitServed(ctx context.Context, rig scenario.Rig) error {
	var last error
	err := pollUntil(ctx, rig, func() (bool, error) {
		if last = rig.FirstExchange(ctx); isTurnedAway(last) {
			return false, nil
		}
		return true, last
	})
	if err != nil && last != nil {
		return last
	}
	return err
}

// isTurnedAway reports whether the server took the connection and ended it at once.
func isTurnedAway(err error) bool {
	return errors.Is(err, scenario.ErrNoAnswer) || errors.Is(err, syscall.ECONNRESET)
}

// crowdOut lets clients in until the server has no descriptor left and has tried to
// accept one more, or until so many are in that it never will. One that it was closing
// when its room was counted comes back, and takes in who was to wait.
func (v kernelView) crowdOut(ctx context.Context, rig scenario.Rig, all *crowd) (full bool, err error) {
	for rounds := 0; !full && len(*all) < mostDial && rounds < mostDial; rounds++ {
		err := all.dialClients(ctx, rig, v, freeFDs)
		if isTurnedAway(err) {
			err = nil
		}
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
		if err := awaitWaiting(ctx, rig, all); err != nil {
			return true, err
		}
		if held, _ := v.countAccepted(*all); held < len(*all) {
			return true, nil
		}
	}
	return false, nil
}

// awaitWaiting lets clients come for whom there is no descriptor, and blocks until the
// server has tried: they have woken it, and it sleeps again or has ended. One
// that spins does neither.
func awaitWaiting(ctx context.Context, rig scenario.Rig, c *crowd) error {
	// There are servers, memcached for one, that ask for a shorter queue then.
	if err := c.queueClients(ctx, rig, beyond); err != nil && !errors.Is(err, errFull) && !isTurnedAway(err) {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, tried)
	defer cancel()
	_ = rig.AwaitAsleep(ctx)
	return nil
}

// awaitFull blocks until the server has no descriptor left, or every client of
// the crowd is accepted or turned away.
func (v kernelView) awaitFull(ctx context.Context, rig scenario.Rig, c crowd) (full bool, err error) {
	err = pollUntil(ctx, rig, func() (bool, error) {
		var err error
		if full, err = rig.DescriptorsExhausted(); full || err != nil {
			return true, err
		}
		held, gone := v.countAccepted(c)
		return held+gone == len(c), nil
	})
	if err != nil {
		return full, fmt.Errorf("the server did not accept all of %s: %w", plural.Count(len(c), "client"), err)
	}
	return full, nil
}

// fallsAsleep reports whether the server sleeps within a time.
func fallsAsleep(ctx context.Context, rig scenario.KernelRig) bool {
	ctx, cancel := context.WithTimeout(ctx, reports)
	defer cancel()
	return rig.AwaitAsleep(ctx) == nil
}

// checkCalm returns an error if the server keeps a processor busy. On a machine where
// it gets none, nothing can be told of a short look, and it looks again. So it does where
// the server sleeps after it was busy: some write a report for each failed accept (Python's
// asyncio up to a hundred at a time) and then wait.
func checkCalm(ctx context.Context, rig scenario.Rig) error {
	bursts := 0
	for ctx.Err() == nil {
		busy, err := rig.MeasureSpin(ctx, measured)
		switch {
		case err != nil:
			return nil // it has ended, which is told elsewhere
		case busy.Busiest > spins && bursts < mostBursts && fallsAsleep(ctx, rig):
			bursts++
		case busy.Busiest > spins:
			return fmt.Errorf("the server %w while it has no free descriptor: %s", scenario.ErrSpins, busy)
		case busy.Busiest < calms && busy.Elapsed < 2*measured:
			return nil
		}
	}
	return nil
}
