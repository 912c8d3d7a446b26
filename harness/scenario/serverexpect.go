package scenario

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/peer"
)

// A Beside is what became of a second process of the server.
type Beside struct {
	Exit    *peer.Exit       // nil: it had not ended
	Waits   string           // for people: what it did instead of ending
	Listens []netip.AddrPort // where it listens, when it has not ended
	Stderr  []byte           // tail
}

// ActStruck is a proof: the act must have put the server into the situation
// that the scenario is about. What kept it from that is in the error.
func ActStruck(o Observation) error {
	for _, e := range o.Struck() {
		if e.Kind == event.Struck && e.Toxic == "act" {
			return nil
		}
	}
	if o.ActError != nil {
		return fmt.Errorf("the situation was not reached: %w", o.ActError)
	}
	return errors.New("the situation was not reached")
}
