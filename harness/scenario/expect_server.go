package scenario

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/peer"
)

// A SecondInstance is what became of a second process of the server.
type SecondInstance struct {
	Exit         *peer.Exit // nil: it had not ended
	StillRunning string     // for people: what it did instead of ending
	Stuck        bool       // it is proven to wait forever, and so not to try again
	ListenAddrs  []string   // where it listens, when it has not ended
	Stderr       []byte     // tail
}

// ActStruck is a proof: the act must have put the server into the situation
// that the scenario is about. What kept it from that is in the error.
func ActStruck(o Observation) error {
	for _, e := range o.StruckEvents() {
		if e.Kind == event.Struck && e.Toxic == event.ByScenario {
			return nil
		}
	}
	if o.RunError != nil {
		return fmt.Errorf("the scenario's situation was not reached: %w", o.RunError)
	}
	return errors.New("the scenario's situation was not reached")
}

// ActVariant returns a variant that is an act: it must have struck, and succeed. A budget
// of 0 is the case's.
func ActVariant(name string, budget time.Duration, run func(context.Context, Rig) error) Variant {
	return Variant{Name: name, Run: run, Budget: budget, Proof: ActStruck, Expect: []Expectation{ExpectRunSucceeds()}}
}
