package api

import (
	"cmp"
	"net/http"
	"slices"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/proxy"
)

// A connection is one that is open, as the API shows it.
type connection struct {
	Proxy      string    `json:"proxy"`
	ID         uint64    `json:"id"` // on its proxy, from 1, since that was enabled
	Since      time.Time `json:"since"`
	Client     end       `json:"client"`
	Server     end       `json:"server"`
	Upstream   flow      `json:"upstream"`
	Downstream flow      `json:"downstream"`
}

// An end is one of the peers of a connection.
type end struct {
	Address string       `json:"address"` // "" while it is being dialled
	Ending  event.Ending `json:"ending"`  // how it has ended its stream; "" while it has not
}

// A flow is one direction of a connection.
type flow struct {
	Received int64    `json:"received_bytes"`
	Sent     int64    `json:"sent_bytes"`
	Toxics   []string `json:"toxics"`

	ReceivedDatagrams *int64 `json:"received_datagrams,omitempty"` // of datagrams only
	SentDatagrams     *int64 `json:"sent_datagrams,omitempty"`
}

// listConnections shows the connections of all proxies, or of one (?proxy=NAME).
func (d *Daemon) listConnections(r *http.Request, _ []string) (reply, error) {
	members := d.all()
	if name := r.URL.Query().Get("proxy"); name != "" {
		m, err := d.find(name)
		if err != nil {
			return reply{}, err
		}
		members = []*member{m}
	}
	list := []connection{}
	for _, m := range members {
		if p := m.proxy(); p != nil {
			list = append(list, p.open(m.name)...)
		}
	}
	slices.SortStableFunc(list, func(a, b connection) int { return cmp.Compare(a.Proxy, b.Proxy) })
	return reply{http.StatusOK, list}, nil
}

func describe(name string, c proxy.Connection) connection {
	return connection{Proxy: name, ID: c.ID, Since: c.Since,
		Client: end{c.Client, c.ClientEnding}, Server: end{c.Upstream, c.UpstreamEnding},
		Upstream: flowOf(c, event.Upstream), Downstream: flowOf(c, event.Downstream)}
}

func flowOf(c proxy.Connection, d event.Direction) flow {
	return flow{Received: c.Traffic[d].Received, Sent: c.Traffic[d].Sent, Toxics: append([]string{}, c.Toxics[d]...)}
}
