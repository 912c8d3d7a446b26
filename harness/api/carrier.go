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
	Mode() proxy.Mode
	SetMode(proxy.Mode) error
	Connections() []proxy.Connection
	Traffic(event.Direction) proxy.Traffic
	Close() error
}

// streams is a carrier of TCP.
type streams struct{ *proxy.Proxy }

func (s streams) listen() string { return address(s.Addr()) }

func (s streams) apply(list []toxic) { _ = s.SetToxics(running(list)) }
