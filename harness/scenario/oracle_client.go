package scenario

import (
	"fmt"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/outcome"
)

func clientOracles() []Oracle {
	return []Oracle{
		{
			Name:  "same",
			Title: "Faults that only change timing and boundaries change nothing else",
			Rationale: "A stream has no message boundaries and no fixed speed. The same bytes in other segments, later, or " +
				"through a tiny window must give the same streams, the same output and the same exit status.",
			Ref:   "Socket Programming HOWTO; catalogue §0.1",
			Level: outcome.Must, Roles: AnyRole(),
			Restates: true,
			Check: func(o Observation) error {
				if !o.IsHarmless() || len(o.Faults) == 0 || o.Ran {
					return nil
				}
				return ExpectCompletion().Check(o)
			},
		},
		{
			Name:  "truthful",
			Title: "A client does not report success on truncated or reset data",
			Rationale: "A client that exits 0 on a truncated answer corrupts data silently. This is a violation only if the " +
				"output differs and no second connection can have received the rest.",
			Ref:   "psf/requests#4956, python/cpython#115997",
			Level: outcome.Must, Roles: ClientRole(),
			Restates: true,
			Check: func(o Observation) error {
				run := o.Client
				if run == nil || run.TimedOut || !run.Exit.Success() || o.Connections > 1 || o.Case.UntilEOF() || o.sameOutput() {
					return nil
				}
				return fmt.Errorf("the client reported success (exit status 0) with other output than without the fault: %s", o.outputDifference())
			},
		},
		{
			Name:  "attempts",
			Title: "A client does not connect more than 20 times a second",
			Rationale: "A client that reconnects without a pause can bring down a server that has just restarted. A few quick " +
				"retries are fine: the rate is judged from the eleventh attempt on.",
			Ref:   "cockroach#35152, open62541#3873",
			Level: outcome.Must, Roles: ClientRole(),
			Check: attemptRate,
		},
	}
}

// attemptRate judges connects that the proxy has accepted.
func attemptRate(o Observation) error {
	const few = 10
	var times []event.Event
	for _, e := range o.Events {
		if e.Kind == event.Accept {
			times = append(times, e)
		}
	}
	if len(times) <= few {
		return nil
	}
	span := (times[len(times)-1].At - times[0].At).Seconds()
	if rate := float64(len(times)-1) / max(span, 1e-3); rate > MaxAttemptsPerSecond {
		return fmt.Errorf("%d connection attempts in %.1f s, %.0f a second; at most %d a second are allowed", len(times), span, rate, MaxAttemptsPerSecond)
	}
	return nil
}
