package api

import (
	"github.com/sockharness/harness/harness/datagram"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/toxics/spec"
)

// applyToDatagrams does an act to one association: what its client sends next after end and
// reset makes another one. It returns false when that is not open any more.
func (o order) applyToDatagrams(p datagrams, c openConnection) (bool, error) {
	switch {
	case o.verb == "half_close", o.verb == "record", o.place != nil:
		return false, badQueryf("connection %d: datagrams have no FIN, no bytes to be at, and are not recorded; end, reset (by ICMP), stall, resume and toxics are for them", c.ID)
	case o.verb == "toxics" && o.given.datagram == nil:
		return false, o.given.failed
	}
	c.member.announce(event.Event{Kind: event.Act, Conn: c.ID, Detail: o.describe()})
	switch o.verb {
	case "toxics":
		return p.AddToAssociation(c.ID, *o.given.datagram), nil
	case "stall":
		return o.stallDatagrams(p, c.ID)
	case "resume":
		return o.resumeDatagrams(p, c.ID)
	}
	return p.EndAssociation(c.ID, o.verb == "reset"), nil
}

// stallDatagrams loses everything of the directions until it is resumed.
func (o order) stallDatagrams(p datagrams, id uint64) (bool, error) {
	for _, d := range o.streams {
		made, err := datagram.MakeToxic(spec.Spec{Name: requestedName("stall", d), Type: "drop", Direction: d, Toxicity: 1})
		if err != nil {
			return false, err
		}
		if !p.AddToAssociation(id, made) {
			return false, nil
		}
	}
	return true, nil
}

func (o order) resumeDatagrams(p datagrams, id uint64) (bool, error) {
	found := false
	for _, d := range o.streams {
		found = p.RemoveFromAssociation(id, requestedName("stall", d)) || found
	}
	if !found {
		return false, errNotStalled
	}
	return true, nil
}
