package datagram

import (
	"time"

	"github.com/sockharness/harness/harness/event"
)

// An Association is what is known of one client that is being served, or was.
type Association struct {
	ID       uint64      // on its proxy, from 1
	Since    time.Time   // when its first datagram came
	Client   string      // address of the client
	Upstream string      // address of the server; "" while it is being looked up
	Local    string      // address of the socket towards it; "" while it is being looked up
	Traffic  [2]Traffic  // by direction
	Toxics   [2][]string // whose trigger was reached, by direction
	Ended    time.Time   // zero while it is open
	Reason   string      // for people: why it is over
}

// OpenAssociations returns those that there are, in order of their numbers.
func (p *Proxy) OpenAssociations() []Association {
	all := p.table.allSorted()
	list := make([]Association, len(all))
	for i, a := range all {
		list[i] = a.describe()
	}
	return list
}

// describe tells what is known of the association.
func (a *association) describe() Association {
	one := Association{ID: a.id, Since: a.since, Client: a.key.client.String()}
	one.Local, one.Upstream = a.upstreamAddrs()
	for d := range event.Downstream + 1 {
		one.Traffic[d], one.Toxics[d] = a.links[d].carriedTraffic(), a.links[d].activeToxics()
	}
	return one
}
