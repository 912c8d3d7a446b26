package api

import (
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/proxy"
)

// A carrier is what runs for a member: a proxy of streams, or one of datagrams.
type carrier interface {
	// listen returns the address that clients use, as the API shows it.
	listen() string
	// apply replaces the toxics, which were checked when they were made.
	apply([]toxic)
	// open returns the connections that are open.
	open(name string) []connection
	// carried returns what went in one direction so far.
	carried(event.Direction) carried

	Mode() proxy.Mode
	SetMode(proxy.Mode) error
	Close() error
}

// What was carried in one direction.
type carried struct {
	proxy.Traffic
	datagrams proxy.Traffic // how many; zero for streams
}

func (c carried) plus(other carried) carried {
	return carried{sum(c.Traffic, other.Traffic), sum(c.datagrams, other.datagrams)}
}

func sum(a, b proxy.Traffic) proxy.Traffic {
	return proxy.Traffic{Received: a.Received + b.Received, Sent: a.Sent + b.Sent}
}

// streams is a carrier of TCP.
type streams struct{ *proxy.Proxy }

func (s streams) listen() string { return address(s.Addr()) }

func (s streams) apply(list []toxic) { _ = s.SetToxics(running(list)) }

func (s streams) carried(d event.Direction) carried { return carried{Traffic: s.Traffic(d)} }

func (s streams) open(name string) (list []connection) {
	for _, c := range s.Connections() {
		list = append(list, describe(name, c))
	}
	return list
}
