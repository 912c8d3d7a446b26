package api

import (
	"net/http"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/proxy"
	"github.com/sockharness/harness/toxics/spec"
)

// An act is what a request can do to one open connection, or to all that a filter
// admits: POST /connections/ID/VERB, or POST /connections/VERB.
type act struct {
	verb       string
	now        proxy.Termination // if it is done at once; of half_close that in the direction 0
	toxic      spec.Spec         // that does it at a place; no Type: there is no place
	directions directions
	do         func(p streams, c openConnection, o order) (bool, error) // instead of now
}

// directions says what an act needs to know of ?stream=.
type directions uint8

const (
	wholeConnection directions = iota // nothing, unless there is a place
	oneDirection                      // it must be said
	anyDirections                     // both are meant, unless it is said
)

// acts are all of them.
var acts = []act{
	{verb: "end", now: proxy.TerminateClose, toxic: spec.Spec{Type: "limit_time"}},
	{verb: "reset", now: proxy.TerminateReset, toxic: spec.Spec{Type: "reset"}},
	{verb: "half_close", now: proxy.FinishUpstream, toxic: spec.Spec{Type: "half_close"}, directions: oneDirection},
	{verb: "stall", toxic: spec.Spec{Type: "stall"}, directions: anyDirections, do: stall},
	{verb: "resume", directions: anyDirections, do: resume},
	{verb: "record", do: record},
	{verb: "toxics", do: addOwnToxic},
}

// An actReply is what was done to how many connections.
type actReply struct {
	Ended       *int     `json:"ended,omitempty"` // of acts that end something
	Acted       *int     `json:"acted,omitempty"` // of the others
	Connections []uint64 `json:"connections"`
}

func newActReply(how act, done []uint64) actReply {
	n := len(done)
	if how.do == nil {
		return actReply{Ended: &n, Connections: done}
	}
	return actReply{Acted: &n, Connections: done}
}

// actOn does something to one connection, or to those that the filter of the query
// admits: all, without one.
func (d *Daemon) actOn(r *http.Request, names []string, how act) (reply, error) {
	query := r.URL.Query()
	o, err := d.readOrder(r, query, how)
	if err != nil {
		return reply{}, err
	}
	want, err := d.readFilter(query)
	if err != nil {
		return reply{}, err
	}
	if len(names) > 0 {
		return d.actOnOne(names[0], o)
	}
	done := []uint64{}
	for _, c := range d.openConnections(want) {
		if ok, err := o.applyTo(c); ok && err == nil {
			done = append(done, c.ID)
		}
	}
	return reply{http.StatusOK, newActReply(how, done)}, nil
}

func (d *Daemon) actOnOne(id string, o order) (reply, error) {
	c, err := d.findOpen(id)
	if err != nil {
		return reply{}, err
	}
	ok, err := o.applyTo(c)
	if err == nil && !ok {
		err = notOpen(id)
	}
	return reply{http.StatusOK, newActReply(o.act, []uint64{c.ID})}, err
}

func notOpen(id string) error {
	return &failure{Message: "connection " + id + " is not open", Status: http.StatusNotFound}
}

// stall holds everything of the directions from the place on, until it is resumed.
func stall(p streams, c openConnection, o order) (bool, error) {
	for _, d := range o.streams {
		if ok, err := o.addToxic(p, c.ID, d); !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

var errNotStalled = &failure{Message: "connection is not stalled by request", Status: http.StatusConflict}

// resume lets what was stalled go on.
func resume(p streams, c openConnection, o order) (bool, error) {
	found := false
	for _, d := range o.streams {
		found = p.RemoveFromConnection(c.ID, requestedName("stall", d)) || found
	}
	if !found {
		return false, errNotStalled
	}
	return true, nil
}

// addOwnToxic puts a toxic on the connection and on no other one.
func addOwnToxic(p streams, c openConnection, o order) (bool, error) {
	if o.given.stream == nil {
		return false, o.given.failed
	}
	return p.AddToConnection(c.ID, *o.given.stream), nil
}

// removeFromConnection takes a toxic off the connection that has it by itself.
func (d *Daemon) removeFromConnection(_ *http.Request, names []string) (reply, error) {
	c, err := d.findOpen(names[0])
	if err != nil {
		return reply{}, err
	}
	found := false
	switch p := c.engine.(type) {
	case streams:
		found = p.RemoveFromConnection(c.ID, names[1])
	case datagrams:
		found = p.RemoveFromAssociation(c.ID, names[1])
	}
	if !found {
		return reply{}, errToxicNotFound
	}
	c.member.announce(event.Event{Kind: event.Act, Conn: c.ID, Detail: "toxic " + names[1] + " removed"})
	return reply{status: http.StatusNoContent}, nil
}
