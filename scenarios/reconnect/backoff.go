package reconnect

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/probe"
	"github.com/sockharness/harness/harness/scenario"
)

const (
	sample = 9                      // attempts that tell whether a client slows down
	slow   = 250 * time.Millisecond // between attempts: nobody needs to slow down further
	fast   = 10 * time.Millisecond  // between attempts: no pause at all, whatever it grows by
	growth = 1.2                    // of the pauses, from the first third to the last
)

func backOff() scenario.Scenario {
	return scenario.Scenario{
		ID:    "reconnect/back-off",
		Title: "A client waits longer before each retry",
		Rationale: "With a short fixed delay many clients together can keep an overloaded server down. The delay must grow, " +
			"and must start again only after a successful exchange, not after a successful connect.",
		Ref:   "FreeTAKTeam/LXMF-rs#493; RFC 9110 §10.2.3",
		Level: outcome.Should,
		Roles: scenario.ClientRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			if err := requireRetries(c); err != nil {
				return nil, err
			}
			shut := backoffVariant(c, "refused")
			shut.AcceptMode = scenario.Refusing
			out := backoffVariant(c, "accept-then-close")
			out.Faults = thrownOut(c, "half_close").Faults
			return []scenario.Variant{shut, out}, nil
		},
	}
}

// requireRetries returns why a client cannot be watched in its retries.
func requireRetries(c scenario.Case) error {
	if c.Target.Policies.Retries == 0 {
		return c.UnsupportedErrorf("the target does not declare retries")
	}
	return nil
}

func backoffVariant(c scenario.Case, name string) scenario.Variant {
	return scenario.Variant{
		Name:   name,
		Budget: 2 * c.GiveUpTimeout(),
		Proof:  proveTried,
		Run: func(ctx context.Context, rig scenario.Rig) error {
			client, err := rig.StartClient(ctx)
			if err != nil {
				return err
			}
			defer client.Close()
			w, err := client.WatchAttempts(ctx, c.GiveUpTimeout(), func(a scenario.Attempts) bool { return len(a.At) >= sample })
			if err != nil {
				return err
			}
			rig.ReportStruck(fmt.Sprintf("attempts of the client to connect: %d", len(w.Attempts.At)))
			return slowsDown(w.Attempts.RetryGaps())
		},
		Expect: []scenario.Expectation{scenario.ExpectRunSucceeds()},
	}
}

// slowsDown compares the pauses at the end with those at the beginning. Fewer
// than a sample say nothing.
func slowsDown(gaps []time.Duration) error {
	if len(gaps) < sample-1 {
		return nil
	}
	third := len(gaps) / 3
	first, last := medianGap(gaps[:third]), medianGap(gaps[len(gaps)-third:])
	if last > slow || last > fast && float64(last) > growth*float64(first) {
		return nil
	}
	return fmt.Errorf("the client does not wait longer before each retry: %v between its first attempts, %v between the last of %d",
		first.Round(time.Millisecond), last.Round(time.Millisecond), len(gaps)+1)
}

func medianGap(gaps []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(gaps))
	return sorted[len(sorted)/2]
}

func descriptorLeak() scenario.Scenario {
	return scenario.Scenario{
		ID:    "reconnect/descriptors",
		Title: "A client closes the descriptors of failed connection attempts",
		Rationale: "A socket whose connect failed is still open. A client that does not close it after each refused attempt " +
			"fails with EMFILE hours after the outage began.",
		Ref:   "connect(2); vichargrave/tcpsockets#1, redis/redis#15529",
		Level: outcome.Must,
		Roles: scenario.ClientRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			if err := requireRetries(c); err != nil {
				return nil, err
			}
			if n := c.Target.Policies.Retries; n >= 0 && n < counted+settling {
				return nil, c.UnsupportedErrorf("the target declares %s, this scenario needs %d", plural.Count(n, "retry"), counted+settling)
			}
			return []scenario.Variant{{
				AcceptMode: scenario.Refusing,
				Budget:     3 * c.GiveUpTimeout(),
				Proof:      proveTried,
				Run:        func(ctx context.Context, rig scenario.Rig) error { return checkLeaks(ctx, c, rig) },
				Expect:     []scenario.Expectation{scenario.ExpectRunSucceeds()},
			}}, nil
		},
	}
}

// Descriptors are counted after settling attempts, and after counted more.
const settling, counted = 2, 8

func checkLeaks(ctx context.Context, c scenario.Case, rig scenario.Rig) error {
	client, err := rig.StartClient(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	before, err := heldAfter(ctx, c, client, settling)
	if err != nil {
		return err
	}
	after, err := heldAfter(ctx, c, client, settling+counted)
	if err != nil {
		return err
	}
	attempts := after.attempts - before.attempts
	rig.ReportStruck(fmt.Sprintf("the client made %s to connect between the two measurements", plural.Count(attempts, "attempt")))
	if attempts < 2 {
		return nil
	}
	// Half of them: some of what was opened is under way, some may be collected.
	if g := after.usage.GrowthSince(before.usage); 2*g.Sockets >= attempts && g.Sockets > 1 {
		return fmt.Errorf("the client leaks: after %d more failed attempts to connect it has %s", attempts, g)
	}
	return nil
}

func heldAfter(ctx context.Context, c scenario.Case, client scenario.ClientUnderTest, attempts int) (held, error) {
	w, err := client.WatchAttempts(ctx, c.GiveUpTimeout(), func(a scenario.Attempts) bool { return !a.Exact || len(a.At) >= attempts })
	switch {
	case err != nil:
		return held{}, err
	case !w.Attempts.Exact:
		return held{}, errors.New("this system cannot observe refused connects")
	case !w.Enough && !w.TimedOut:
		return held{}, fmt.Errorf("the client %s after %s to connect", w.Exit, plural.Count(len(w.Attempts.At), "attempt"))
	}
	usage, err := client.MeasureUsage()
	if errors.Is(err, probe.ErrGone) {
		return held{}, fmt.Errorf("the client exited after %s to connect, before its descriptors could be counted", plural.Count(len(client.ConnectAttempts().At), "attempt"))
	}
	return held{usage, len(client.ConnectAttempts().At)}, err
}
