package rig

import (
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/sock"
	"github.com/sockharness/harness/toxics/spec"
)

// countPast counts the connections to the server that are over since a time, and that no proxy
// of ours has made. The protocols of Kafka and Redis Cluster tell clients where to connect
// next. The kernel keeps what it knows of such a connection for a minute, so that nobody has
// to watch; one that was reset it forgets. The answer is 0 where it does not tell, and for
// a server that we have not started: others connect to it too, other workers among them
// (see clientWatch).
func (b *Testbed) countPast(upstream string, since time.Time) int {
	server, err := netip.ParseAddrPort(upstream)
	if err != nil || b.target.Server.Address != "" {
		return 0 // a unix socket, a name, or everybody's
	}
	diag, err := sock.OpenDiag()
	if err != nil {
		return 0
	}
	defer diag.Close()
	atServer, err := diag.Connections(server.Port(), false)
	atClient, failed := diag.Connections(server.Port(), true)
	if err != nil || failed != nil {
		return 0
	}
	clients := map[netip.AddrPort]bool{}
	for _, c := range atServer {
		if isAbandoned(c, since) {
			clients[c.Remote] = true
		}
	}
	for _, c := range atClient {
		if isAbandoned(c, since) && sameServer(c.Remote.Addr(), server.Addr()) {
			clients[c.Local] = true
		}
	}
	maps.DeleteFunc(clients, func(from netip.AddrPort, _ bool) bool {
		_, ours := b.dialed.Load(from)
		return ours
	})
	return len(clients)
}

// isAbandoned reports whether an end of a connection has had no process since a time.
func isAbandoned(c sock.Connection, since time.Time) bool {
	return c.Inode == 0 && c.Idle <= time.Since(since) && c.State != sock.Established
}

// sameServer reports whether a connect to an address comes to a server at another one: it is the
// same, or both are of this host.
func sameServer(to, server netip.Addr) bool {
	return to == server.Unmap() || sock.IsLocal(to) && sock.IsLocal(server)
}

// noteDial keeps where a proxy has connected to the server from.
func (b *Testbed) noteDial(e event.Event) {
	if e.Kind != event.Dial {
		return
	}
	from, _, _ := strings.Cut(e.Detail, " to ")
	if at, err := netip.ParseAddrPort(from); err == nil {
		b.dialed.Store(netip.AddrPortFrom(at.Addr().Unmap(), at.Port()), true)
	}
}

// addEvent logs what happens in a variant.
func (s *variantSetup) addEvent(e event.Event) {
	s.testbed.noteDial(e)
	s.log.AddEvent(e)
}

// addAside counts what happens on connections that the faults are not for.
func (s *variantSetup) addAside(e event.Event) {
	s.testbed.noteDial(e)
	s.aside.Add(1)
}

// progressCount grows with all that happens in a variant.
func (s *variantSetup) progressCount() int64 { return s.log.EventCount() + s.aside.Load() }

// SayPastProxy returns a sentence on n connections to the server that are not the proxy's.
func SayPastProxy(n int) string {
	return plural.Count(n, "connection") + " came to the server past the proxy, where no fault can strike: its protocol may tell clients its own address; have it announce the proxy's"
}

// countPastProxy looks for such connections where a fault has not struck.
func (s *variantSetup) countPastProxy(v scenario.Variant, since time.Time) int {
	if s.proxy == nil || s.testbed.target.Client.Dialogue != nil {
		return 0
	}
	seen := scenario.Observation{Events: s.log.AllEvents()}
	if !slices.ContainsFunc(v.Faults, func(f spec.Spec) bool { return !seen.HasStruck(f) }) {
		return 0
	}
	if s.testbed.target.Server.Address != "" {
		return int(s.testbed.leavers.Load()) // in a control: it will have done the same
	}
	return s.testbed.countPast(s.proxy.FirstUpstream(), since)
}
