package api

import (
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/proxy"
)

// A proxyEngine is what runs for a member: a proxy of streams, or one of datagrams.
type proxyEngine interface {
	// listenAddr returns the address that clients use, as the API shows it.
	listenAddr() string
	// applyToxics replaces the toxics, which were checked when they were made.
	applyToxics([]toxic)
	// eachConnection visits the connections that are open, by number.
	eachConnection(name string, visit func(connection))
	// carriedBytes returns what went in one direction so far.
	carriedBytes(event.Direction) traffic

	Mode() proxy.Mode
	// Served returns how many connections there were, see [proxy.Config.Served].
	Served() uint64
	SetMode(proxy.Mode) error
	// CloseWithin ends all, after what the kernel holds has arrived: within the given
	// time, 0: at once, without.
	CloseWithin(drain time.Duration) error
}

// What was carried in one direction.
type traffic struct {
	proxy.Traffic
	datagrams proxy.Traffic // how many; zero for streams
}

func (c traffic) addTo(other traffic) traffic {
	return traffic{sumTraffic(c.Traffic, other.Traffic), sumTraffic(c.datagrams, other.datagrams)}
}

func sumTraffic(a, b proxy.Traffic) proxy.Traffic {
	return proxy.Traffic{Received: a.Received + b.Received, Sent: a.Sent + b.Sent}
}

// streams is a carrier of TCP.
type streams struct{ *proxy.Proxy }

func (s streams) listenAddr() string { return formatAddr(s.Addr()) }

func (s streams) applyToxics(list []toxic) { _ = s.SetToxics(asProxyToxics(list)) }

func (s streams) carriedBytes(d event.Direction) traffic { return traffic{Traffic: s.TotalTraffic(d)} }

func (s streams) eachConnection(name string, visit func(connection)) {
	s.EachConnection(func(c proxy.Connection) { visit(describeConnection(name, c)) })
}
