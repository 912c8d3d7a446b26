package api

import (
	"cmp"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/excerpt"
	"github.com/sockharness/harness/harness/proxy"
)

// A connection is one that is open, or was, as the API shows it.
type connection struct {
	Proxy      string    `json:"proxy"`
	ID         uint64    `json:"id"` // of the daemon: no other connection has it
	Since      time.Time `json:"since"`
	Client     end       `json:"client"`
	Server     end       `json:"server"`
	Upstream   flow      `json:"upstream"`
	Downstream flow      `json:"downstream"`
	Struck     []string  `json:"struck,omitempty"`   // toxics that have taken effect on it
	Recorded   bool      `json:"recorded,omitempty"` // what its peers send is, see /connections/ID/stream

	EndedBy event.Side   `json:"ended_by,omitempty"` // who was first to end: client, server or proxy
	EndedAs event.Ending `json:"ended_as,omitempty"` // how: eof or reset
	Ended   *time.Time   `json:"ended,omitempty"`    // when it was over; absent while it is open
	Reason  string       `json:"reason,omitempty"`   // why, of one that is over
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

// listConnections shows the open connections, or those that were closed last
// (?closed), that the filter of the query admits.
func (d *Daemon) listConnections(r *http.Request, _ []string) (reply, error) {
	query := r.URL.Query()
	want, err := d.readFilter(query, "closed")
	if err != nil {
		return reply{}, err
	}
	closed, err := queryBool(query, "closed")
	if err != nil {
		return reply{}, err
	}
	list := []connection{}
	if closed {
		list = d.past.list(want.admits)
	} else {
		for _, c := range d.openConnections(want) {
			list = append(list, c.connection)
		}
	}
	return reply{http.StatusOK, list}, nil
}

// showConnection shows one connection, open or not.
func (d *Daemon) showConnection(_ *http.Request, names []string) (reply, error) {
	c, err := d.findOpen(names[0])
	if err == nil {
		return reply{http.StatusOK, c.connection}, nil
	}
	if past := d.past.list(func(c *connection) bool { return strconv.FormatUint(c.ID, 10) == names[0] }); len(past) > 0 {
		return reply{http.StatusOK, past[0]}, nil
	}
	return reply{}, err
}

// An openConnection is one with what carries it.
type openConnection struct {
	connection
	engine proxyEngine
	member *managedProxy
}

// openConnections returns the open connections that a filter admits, by proxy and
// number.
func (d *Daemon) openConnections(want connectionFilter) (list []openConnection) {
	d.eachOpen(want, func(c openConnection) { list = append(list, c) })
	return list
}

// eachOpen visits them, and keeps none.
func (d *Daemon) eachOpen(want connectionFilter, visit func(openConnection)) {
	members := d.allProxies()
	slices.SortFunc(members, func(a, b *managedProxy) int { return cmp.Compare(a.name, b.name) })
	for _, m := range members {
		p := m.currentEngine()
		if p == nil || want.proxy != "" && want.proxy != m.name {
			continue
		}
		p.eachConnection(m.name, func(c connection) {
			if want.admits(&c) {
				visit(openConnection{c, p, m})
			}
		})
	}
}

// findOpen returns the open connection of that number.
func (d *Daemon) findOpen(id string) (openConnection, error) {
	n, err := strconv.ParseUint(id, 10, 64)
	if err != nil || n == 0 {
		return openConnection{}, badQueryf("a connection is named by its number, got %s", excerpt.Quote(id))
	}
	if list := d.openConnections(connectionFilter{id: n}); len(list) > 0 {
		return list[0], nil
	}
	return openConnection{}, &failure{Message: "connection " + id + " is not open", Status: http.StatusNotFound}
}

// A connectionFilter says which connections are meant.
type connectionFilter struct {
	id     uint64 // 0: all
	proxy  string // "": all; so are these:
	client string // its address, or the host of it
	server string
	toxic  string // that has struck it, or is at work on it
}

// readFilter reads the parameters of a filter. Others may be there too.
func (d *Daemon) readFilter(query url.Values, others ...string) (f connectionFilter, err error) {
	if err := checkQuery(query, append([]string{"proxy", "client", "server", "toxic"}, others...)...); err != nil {
		return f, err
	}
	f = connectionFilter{proxy: query.Get("proxy"), client: query.Get("client"), server: query.Get("server"), toxic: query.Get("toxic")}
	if f.proxy != "" && !query.Has("closed") {
		_, err = d.findProxy(f.proxy)
	}
	return f, err
}

func (f connectionFilter) admits(c *connection) bool {
	return (f.id == 0 || f.id == c.ID) && (f.proxy == "" || f.proxy == c.Proxy) && matchesAddress(f.client, c.Client.Address) &&
		matchesAddress(f.server, c.Server.Address) && (f.toxic == "" || slices.Contains(slices.Concat(c.Struck, c.Upstream.Toxics, c.Downstream.Toxics), f.toxic))
}

// matchesAddress reports whether an address is the one that is wanted, or has its host.
func matchesAddress(want, address string) bool {
	if want == "" || want == address {
		return true
	}
	host, _, _ := net.SplitHostPort(address)
	return want == host
}

func describeConnection(name string, c proxy.Connection) connection {
	shown := connection{Proxy: name, ID: c.ID, Since: c.Since,
		Client: end{c.Client, c.ClientEnding}, Server: end{c.Upstream, c.UpstreamEnding},
		Upstream: flowOf(c, event.Upstream), Downstream: flowOf(c, event.Downstream),
		Struck: c.Struck, Recorded: c.Recorded, EndedBy: c.EndedBy, EndedAs: c.EndedHow, Reason: c.Reason}
	if !c.Ended.IsZero() {
		ended := c.Ended // so that only this is put on the heap
		shown.Ended = &ended
	}
	return shown
}

func flowOf(c proxy.Connection, d event.Direction) flow {
	return flow{Received: c.Traffic[d].Received, Sent: c.Traffic[d].Sent, Toxics: append([]string{}, c.Toxics[d]...)}
}
