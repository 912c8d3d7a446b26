package scenario

import (
	"fmt"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/plural"
)

// GivesUp expects the client to end by itself within its patience, with an exit
// status that says that it failed: the one that the target declares, if it
// does. Having come through on a connection without the fault is as good, and so
// is trying again forever where that is declared.
func GivesUp() Expectation {
	return Expectation{"gives up", func(o Observation) error {
		if o.goesOn() {
			return nil
		}
		if err := endsByItself(o); err != nil {
			return err
		}
		if o.Client.Exit.Code == 0 {
			return sameRun(o)
		}
		return o.Case.Target.Policies.Exit.checkStatus(o.Client, false)
	}}
}

// SaysRefused expects a client that has ended because nobody listens to say so
// by the exit status that the target declares for it.
func SaysRefused() Expectation {
	return Expectation{"exits with an error after it was refused", func(o Observation) error {
		if o.Client == nil || o.Client.TimedOut || o.Client.Exit.Code == 0 {
			return nil
		}
		return o.Case.Target.Policies.Exit.checkStatus(o.Client, true)
	}}
}

// checkStatus compares the status of a client that failed with the one declared.
func (e Exit) checkStatus(r *Run, refused bool) error {
	want, why := e.Failed, "when the conversation breaks off"
	if refused {
		want, why = e.Refused, "when the connect is refused"
	}
	if want == nil || r.Exit.Code == *want {
		return nil
	}
	return fmt.Errorf("the client %s, but the target declares exit status %d %s%s", r.Exit, *want, why, lastStderrLine(r))
}

// WaitsForGreeting expects the client to send nothing before the server's
// greeting was there to be read: everything that it sent before that is in the
// first connection's upstream events.
func WaitsForGreeting() Expectation {
	return Expectation{"waits for the greeting", func(o Observation) error {
		for _, e := range o.Events {
			switch {
			case e.Conn > 1 || e.Kind != event.Bytes:
			case e.Direction == event.Downstream:
				return nil
			default:
				return fmt.Errorf("the client sent %s before the server's greeting", plural.Count(e.Bytes, "byte"))
			}
		}
		return nil
	}}
}

// AsksOnce expects a request that the server has taken whole not to be sent
// again on another connection: whole requests, counted by connections that
// carried as many bytes.
func AsksOnce(request int64) Expectation {
	return Expectation{"sends the request once", func(o Observation) error {
		carried := map[uint64]int64{}
		for _, e := range o.Events {
			if e.Kind == event.Bytes && e.Direction == event.Upstream {
				carried[e.Conn] = max(carried[e.Conn], e.Offset+e.Bytes)
			}
		}
		times := 0
		for _, n := range carried {
			if n >= request {
				times++
			}
		}
		if times > 1 {
			return fmt.Errorf("the server received the complete first request on %d connections: the client resent it, although the server may "+
				"already have executed it", times)
		}
		return nil
	}}
}
