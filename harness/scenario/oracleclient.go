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
			Title: "Faults that only move time and boundaries change nothing",
			Rationale: "A stream has no boundaries and no pace. The same bytes in other pieces, later or through a tiny window must give " +
				"the same streams, the same output and the same exit status.",
			Ref:   "Socket Programming HOWTO; catalogue §0.1",
			Level: outcome.Must, Roles: Anyone(),
			Restates: true,
			Check: func(o Observation) error {
				if !o.Harmless() || len(o.Faults) == 0 || o.Acted {
					return nil
				}
				return Completes().Check(o)
			},
		},
		{
			Name:  "truthful",
			Title: "A client does not report success on truncated or reset data",
			Rationale: "Exit status 0 on half an answer corrupts data without a word. It is a violation only if the output differs and " +
				"no second connection may have got the rest.",
			Ref:   "psf/requests#4956, python/cpython#115997",
			Level: outcome.Must, Roles: Clients(),
			Restates: true,
			Check: func(o Observation) error {
				run := o.Client
				if run == nil || run.HungUp || !run.Exit.Success() || o.Connections > 1 || o.Case.UntilEOF() || o.sameOutput() {
					return nil
				}
				return fmt.Errorf("the client reported success (exit status 0) with other output than without the fault: %s", o.outputDifference())
			},
		},
		{
			Name:  "attempts",
			Title: "A client does not connect more than 20 times a second",
			Rationale: "Whoever connects again at once, without a pause, finishes off the server that has just come back. A few quick " +
				"tries are fine: more than ten are judged by their rate.",
			Ref:   "cockroach#35152, open62541#3873",
			Level: outcome.Must, Roles: Clients(),
			Check: attemptRate,
		},
	}
}

// attemptRate judges connects that the proxy has accepted.
func attemptRate(o Observation) error {
	const few, most = 10, 20
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
	if rate := float64(len(times)-1) / max(span, 1e-3); rate > most {
		return fmt.Errorf("%d connection attempts in %.1f s: %.0f a second", len(times), span, rate)
	}
	return nil
}
