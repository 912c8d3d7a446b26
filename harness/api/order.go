package api

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/excerpt"
	"github.com/sockharness/harness/harness/proxy"
	"github.com/sockharness/harness/toxics"
)

// An order is an act with what a request says of it.
type order struct {
	act
	streams []event.Direction // that are meant
	place   *int64            // ?at=N: an offset of the stream; ?next=N: N bytes after what was received; nil: at once
	next    bool
	reason  string
	given   *ownToxic // of the verb toxics
	records *recordings
}

// readOrder takes what is not of the filter out of the query.
func (d *Daemon) readOrder(r *http.Request, query url.Values, how act) (o order, err error) {
	o = order{act: how, reason: query.Get("reason"), records: &d.records}
	query.Del("reason")
	if err := o.readPlace(query); err != nil {
		return o, err
	}
	if how.verb == "toxics" {
		o.given, err = readOwnToxic(r)
		return o, err
	}
	return o, o.readStreams(query)
}

// readPlace reads ?at= and ?next=, if the act can be at a place.
func (o *order) readPlace(query url.Values) error {
	for _, name := range []string{"at", "next"} {
		if o.toxic.Type == "" || !query.Has(name) {
			continue
		}
		n, err := queryNumber(query, name)
		if err != nil {
			return err
		}
		if o.place != nil || n > 1<<62 {
			return badQueryf("give one of at and next, a number of bytes")
		}
		place := int64(n)
		o.place, o.next = &place, name == "next"
		query.Del(name)
	}
	return nil
}

// readStreams reads ?stream=, where the act is about directions.
func (o *order) readStreams(query url.Values) error {
	word := strings.ToLower(query.Get("stream"))
	switch {
	case o.directions == wholeConnection && o.place == nil:
		return nil
	case o.directions == anyDirections && word == "":
		o.streams = []event.Direction{event.Upstream, event.Downstream}
		return nil
	}
	direction, err := event.ParseDirection(word)
	if err != nil {
		return badQueryf("stream must be upstream (FIN to the server) or downstream (FIN to the client), got %s", excerpt.Quote(query.Get("stream")))
	}
	query.Del("stream")
	o.streams = []event.Direction{direction}
	return nil
}

// applyTo does it to one connection. It returns false when that is not open any more.
func (o order) applyTo(c openConnection) (bool, error) {
	if p, ok := c.engine.(datagrams); ok {
		return o.applyToDatagrams(p, c)
	}
	p, ok := c.engine.(streams)
	if !ok {
		return false, nil
	}
	if o.place != nil {
		at := *o.place
		if received := c.receivedBytes(o.streams[0]); o.next {
			at += received
		} else if at < received {
			return false, badQueryf("connection %d: byte %d has passed, %d were received; next=N counts from there", c.ID, at, received)
		}
		o.place = &at
	}
	c.member.announce(event.Event{Kind: event.Act, Conn: c.ID, Detail: o.describe()})
	switch {
	case o.do != nil:
		return o.do(p, c, o)
	case o.place != nil:
		return o.addToxic(p, c.ID, o.streams[0])
	case o.directions == oneDirection && o.streams[0] == event.Downstream:
		return p.EndConnection(c.ID, proxy.FinishDownstream), nil
	}
	return p.EndConnection(c.ID, o.now), nil
}

// addToxic puts the toxic on the connection that does it, once the place is reached.
func (o order) addToxic(p streams, id uint64, d event.Direction) (bool, error) {
	spec := o.toxic
	spec.Name, spec.Direction, spec.At.Byte = requestedName(o.verb, d), d, o.place
	made, err := toxics.MakeToxic(spec)
	if err != nil {
		return false, badBody(err)
	}
	return p.AddToConnection(id, made), nil
}

// requestedName is the name of a toxic that one connection has for an act.
func requestedName(verb string, d event.Direction) string {
	return verb + " by request " + d.String()
}

// describe says what is done and why, for the log.
func (o order) describe() string {
	words := []string{o.verb}
	if o.given != nil {
		words = []string{"toxic", toxics.FormatFlag(o.given.spec())}
	}
	if len(o.streams) == 1 && o.given == nil {
		words = append(words, o.streams[0].String())
	}
	if o.place != nil {
		words = append(words, fmt.Sprintf("at byte %d", *o.place))
	}
	text := strings.Join(words, " ")
	if o.reason != "" {
		text += ": " + o.reason
	}
	return text
}

// receivedBytes returns how much of one direction was received.
func (c connection) receivedBytes(d event.Direction) int64 {
	if d == event.Downstream {
		return c.Downstream.Received
	}
	return c.Upstream.Received
}
