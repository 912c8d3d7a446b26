package api

import (
	"cmp"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/sock"
)

// A proxiedPath is a connection through a proxy, by its addresses.
type proxiedPath struct {
	proxy                  string
	client, from, upstream netip.AddrPort
}

// A socketTable is the open connections of this host.
type socketTable struct {
	all     []sock.Connection
	byEnds  map[[2]netip.AddrPort]sock.Connection // local, remote
	byLocal map[netip.AddrPort]sock.Connection    // one of those
}

func newSocketTable(all []sock.Connection) socketTable {
	t := socketTable{all, map[[2]netip.AddrPort]sock.Connection{}, map[netip.AddrPort]sock.Connection{}}
	for _, c := range all {
		t.byEnds[[2]netip.AddrPort{c.Local, c.Remote}] = c
		t.byLocal[c.Local] = c
	}
	return t
}

// A stray is a client of a proxy that is connected to the proxy's upstream without it.
type stray struct {
	proxy        string
	from, server netip.AddrPort
}

// findStrays returns the clients that are connected past their proxy. Protocols that tell
// clients where to connect next (Kafka, Redis Cluster) lead there. The server must be on this
// host; what connects to it must come from a host that has a connection through the proxy,
// and, if that is this host, be of the same process: others, such as health checks, have
// a right to go there. The addresses of skip are not looked at.
func findStrays(paths []proxiedPath, t socketTable, skip map[netip.AddrPort]bool, holders func([]uint32) map[uint32][]int) []stray {
	ours, served := map[netip.AddrPort]bool{}, map[uint16][]proxiedPath{}
	for _, p := range paths {
		ours[p.from], ours[p.client] = true, true
		if _, here := t.byEnds[[2]netip.AddrPort{p.upstream, p.from}]; here {
			served[p.upstream.Port()] = append(served[p.upstream.Port()], p)
		}
	}
	found := map[stray]proxiedPath{}
	for _, c := range t.all {
		if ours[c.Remote] || skip[c.Remote] {
			continue
		}
		for _, p := range served[c.Local.Port()] {
			if p.client.Addr() == c.Remote.Addr() && t.sameUser(p.client, c) {
				found[stray{p.proxy, c.Remote, c.Local}] = p
			}
		}
	}
	return t.ofSameProcess(found, served, holders)
}

// sameUser reports whether the far end of a connection, if it is on this host, belongs to the
// user that has another connection at client.
func (t socketTable) sameUser(client netip.AddrPort, c sock.Connection) bool {
	far, here := t.byEnds[[2]netip.AddrPort{c.Remote, c.Local}]
	other, known := t.byLocal[client]
	return !here || known && far.UID == other.UID
}

// ofSameProcess leaves out the clients on this host that no process has which is a client of the
// proxy too, as far as that can be known.
func (t socketTable) ofSameProcess(found map[stray]proxiedPath, served map[uint16][]proxiedPath, holders func([]uint32) map[uint32][]int) (list []stray) {
	var inodes []uint32
	for s := range found {
		if far, here := t.byEnds[[2]netip.AddrPort{s.from, s.server}]; here {
			inodes = append(inodes, far.Inode)
			for _, p := range served[s.server.Port()] {
				inodes = append(inodes, t.byLocal[p.client].Inode)
			}
		}
	}
	held := map[uint32][]int{}
	if len(inodes) > 0 {
		held = holders(inodes)
	}
	for s := range found {
		mine := held[t.byEnds[[2]netip.AddrPort{s.from, s.server}].Inode]
		known, shared := false, false
		for _, p := range served[s.server.Port()] {
			if theirs := held[t.byLocal[p.client].Inode]; p.proxy == s.proxy && len(theirs) > 0 {
				known = true
				shared = shared || slices.ContainsFunc(theirs, func(pid int) bool { return slices.Contains(mine, pid) })
			}
		}
		if shared || !known || len(mine) == 0 {
			list = append(list, s)
		}
	}
	return list
}

// describeStrays says what was found of one proxy.
func describeStrays(list []stray) string {
	hosts := map[string]bool{}
	for _, s := range list {
		hosts[s.from.Addr().String()] = true
	}
	return fmt.Sprintf("%s from %s came to the server %s past the proxy, where no toxic acts: its protocol may tell clients its own address; have it announce the proxy's",
		plural.Count(len(list), "connection"), strings.Join(slices.Sorted(maps.Keys(hosts)), ", "), list[0].server)
}

// lookForStrays tells of the clients that are connected past their proxy, each once. It returns
// how many connections through proxies of streams are open.
func (d *Daemon) lookForStrays(diag *sock.Diag, told map[netip.AddrPort]bool) (open int) {
	paths := d.proxiedPaths()
	all, err := diag.OpenConnections()
	if err != nil || len(paths) == 0 {
		return len(paths)
	}
	fresh := map[string][]stray{}
	table := newSocketTable(all)
	for _, s := range append(findStrays(paths, table, told, sock.Holders), findFarStrays(paths, table, told, sock.Holders)...) {
		fresh[s.proxy] = append(fresh[s.proxy], s)
		told[s.from] = true
	}
	for name, list := range fresh {
		slices.SortFunc(list, func(a, b stray) int { return cmp.Compare(a.from.String(), b.from.String()) })
		if m, err := d.findProxy(name); err == nil {
			m.announce(event.Event{Kind: event.PastProxy, Detail: describeStrays(list)})
		}
	}
	there := map[netip.AddrPort]bool{}
	for _, c := range all {
		there[c.Local], there[c.Remote] = true, true
	}
	maps.DeleteFunc(told, func(at netip.AddrPort, _ bool) bool { return !there[at] })
	return len(paths)
}

// noteAccept says that a connection was accepted, the first of which begins the watch.
func (d *Daemon) noteAccept() {
	d.watch.Do(func() { d.retired.Go(func() { d.strays.run(d.ctx, d.lookForStrays) }) })
	d.strays.noteAccept()
}

// proxiedPaths returns the open connections of all proxies of streams.
func (d *Daemon) proxiedPaths() (list []proxiedPath) {
	for _, m := range d.allProxies() {
		p, ok := m.currentEngine().(streams)
		if !ok {
			continue
		}
		p.EachPath(func(client, from, upstream net.Addr) {
			one := proxiedPath{proxy: m.name, client: addrPortOf(client), from: addrPortOf(from), upstream: addrPortOf(upstream)}
			if one.client.IsValid() && one.from.IsValid() {
				list = append(list, one)
			}
		})
	}
	return list
}

// addrPortOf returns an address of TCP; that of another network is not valid.
func addrPortOf(a net.Addr) netip.AddrPort {
	at, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	p := at.AddrPort()
	return netip.AddrPortFrom(p.Addr().Unmap(), p.Port())
}
