package reconnect

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sockharness/harness/harness/outcome"
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
		Title: "A client that tries again waits longer each time",
		Rationale: "A fixed short delay keeps a server down that cannot serve all who come at once. The delay grows, and it starts " +
			"anew after an exchange that worked, not after a connect.",
		Ref:   "FreeTAKTeam/LXMF-rs#493; RFC 9110 §10.2.3",
		Level: outcome.Should,
		Roles: scenario.Clients(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			if err := retrying(c); err != nil {
				return nil, err
			}
			shut := slowing(c, "refused")
			shut.Gate = scenario.Refusing
			out := slowing(c, "accept-then-close")
			out.Faults = thrownOut(c, "half_close").Faults
			return []scenario.Variant{shut, out}, nil
		},
	}
}

// retrying returns why a client cannot be watched in its retries.
func retrying(c scenario.Case) error {
	if c.Target.Policies.Retries == 0 {
		return c.Unsupported("the target declares no retries")
	}
	return nil
}

func slowing(c scenario.Case, name string) scenario.Variant {
	return scenario.Variant{
		Name:   name,
		Budget: 2 * c.Patience(),
		Proof:  tried,
		Act: func(ctx context.Context, rig scenario.Rig) error {
			client, err := rig.StartClient(ctx)
			if err != nil {
				return err
			}
			defer client.Close()
			w, err := client.Watch(ctx, c.Patience(), func(a scenario.Attempts) bool { return len(a.At) >= sample })
			if err != nil {
				return err
			}
			rig.Struck(fmt.Sprintf("%d attempts to connect", len(w.Attempts.At)))
			return slowsDown(w.Attempts.Gaps())
		},
		Expect: []scenario.Expectation{scenario.Acts()},
	}
}

// slowsDown compares the pauses at the end with those at the beginning. Fewer
// than a sample say nothing.
func slowsDown(gaps []time.Duration) error {
	if len(gaps) < sample-1 {
		return nil
	}
	third := len(gaps) / 3
	first, last := median(gaps[:third]), median(gaps[len(gaps)-third:])
	if last > slow || last > fast && float64(last) > growth*float64(first) {
		return nil
	}
	return fmt.Errorf("the client does not slow down: %v between its first attempts, %v between the last of %d",
		first.Round(time.Millisecond), last.Round(time.Millisecond), len(gaps)+1)
}

func median(gaps []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(gaps))
	return sorted[len(sorted)/2]
}

func descriptors() scenario.Scenario {
	return scenario.Scenario{
		ID:    "reconnect/descriptors",
		Title: "A client does not keep the descriptors of attempts that failed",
		Rationale: "A socket whose connect failed is still a socket. One that is not closed for each refused attempt ends in " +
			"EMFILE, hours after the outage began.",
		Ref:   "connect(2); vichargrave/tcpsockets#1, redis/redis#15529",
		Level: outcome.Must,
		Roles: scenario.Clients(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			if n := c.Target.Policies.Retries; n >= 0 && n < counted+settling {
				return nil, c.Unsupported("the client does not live long enough: it declares %d retries, %d are needed", n, counted+settling)
			}
			return []scenario.Variant{{
				Gate:   scenario.Refusing,
				Budget: 3 * c.Patience(),
				Proof:  tried,
				Act:    func(ctx context.Context, rig scenario.Rig) error { return leaks(ctx, c, rig) },
				Expect: []scenario.Expectation{scenario.Acts()},
			}}, nil
		},
	}
}

// Descriptors are counted after settling attempts, and after counted more.
const settling, counted = 2, 8

func leaks(ctx context.Context, c scenario.Case, rig scenario.Rig) error {
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
	rig.Struck(fmt.Sprintf("%d attempts to connect between the counts", attempts))
	if attempts < 2 {
		return nil
	}
	// Half of them: some of what was opened is under way, some may be collected.
	if g := after.usage.Since(before.usage); 2*g.Sockets >= attempts && g.Sockets > 1 {
		return fmt.Errorf("after %d more attempts to connect that failed: %s", attempts, g)
	}
	return nil
}

func heldAfter(ctx context.Context, c scenario.Case, client scenario.Subject, attempts int) (held, error) {
	w, err := client.Watch(ctx, c.Patience(), func(a scenario.Attempts) bool { return !a.Exact || len(a.At) >= attempts })
	switch {
	case err != nil:
		return held{}, err
	case !w.Attempts.Exact:
		return held{}, errors.New("this system does not tell of connects that are refused")
	case !w.Enough && !w.HungUp:
		return held{}, fmt.Errorf("the client %s after %d attempts to connect", w.Exit, len(w.Attempts.At))
	}
	usage, err := client.Usage()
	if errors.Is(err, probe.ErrGone) {
		return held{}, fmt.Errorf("the client has ended after %d attempts to connect, too soon to count what it holds", len(client.Attempts().At))
	}
	return held{usage, len(client.Attempts().At)}, err
}
