package datagram

import (
	"time"

	"github.com/sockharness/harness/harness/event"
)

// An Association is what is known of one client that is being served.
type Association struct {
	ID       uint64 // on its proxy, from 1
	Since    time.Time
	Client   string      // address of the client
	Upstream string      // address of the server; "" while it is being looked up
	Traffic  [2]Traffic  // by direction
	Toxics   [2][]string // whose trigger was reached, by direction
}

// Associations returns those that there are, in order of their numbers.
func (p *Proxy) Associations() []Association {
	all := p.table.all()
	list := make([]Association, len(all))
	for i, a := range all {
		list[i] = Association{ID: a.id, Since: a.since, Client: a.key.client.String(), Upstream: a.upstream()}
		for d := range event.Downstream + 1 {
			list[i].Traffic[d], list[i].Toxics[d] = a.links[d].carried(), a.links[d].active()
		}
	}
	return list
}
