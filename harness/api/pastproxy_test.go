package api

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/sockharness/harness/harness/sock"
)

// A client is a stray if it has a connection to the server beside that through the proxy. What
// others connect there is their business.
func TestStraysAreTheProxysClients(t *testing.T) {
	at := func(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }
	ends := func(client, server string, uid, clientInode uint32) []sock.Connection {
		return []sock.Connection{{Local: at(client), Remote: at(server), UID: uid, Inode: clientInode}, {Local: at(server), Remote: at(client), UID: 9, Inode: 99}}
	}
	const server = "127.0.0.1:7000"
	holders := func([]uint32) map[uint32][]int { return map[uint32][]int{1: {100}, 2: {100}, 3: {300}} }
	table := func(more ...[]sock.Connection) (all []sock.Connection) {
		all = append(ends("127.0.0.1:1001", "127.0.0.1:9000", 5, 1), ends("127.0.0.1:1002", server, 0, 50)...)
		all = append(all, sock.Connection{Local: at("127.0.0.1:9000"), Remote: at("10.0.0.8:40")}, sock.Connection{Local: at(server), Remote: at("127.0.0.1:1003")})
		for _, m := range more {
			all = append(all, m...)
		}
		return all
	}
	paths := []proxiedPath{
		{"kv", at("127.0.0.1:1001"), at("127.0.0.1:1002"), at(server)},
		{"kv", at("10.0.0.8:40"), at("127.0.0.1:1003"), at(server)},
		{"far", at("127.0.0.1:1001"), at("127.0.0.1:1004"), at("10.9.9.9:7000")},
	}
	for _, c := range []struct {
		what string
		more []sock.Connection
		want int
	}{
		{"nobody else", nil, 0},
		{"the same process", ends("127.0.0.1:2000", server, 5, 2), 1},
		{"a process of the same user", ends("127.0.0.1:2000", server, 5, 3), 0},
		{"another user", ends("127.0.0.1:2000", server, 6, 0), 0},
		{"a process that cannot be known", ends("127.0.0.1:2000", server, 5, 77), 1},
		{"the other host of a client", []sock.Connection{{Local: at("10.0.0.1:7000"), Remote: at("10.0.0.8:41")}}, 1},
		{"a host without a client", []sock.Connection{{Local: at("10.0.0.1:7000"), Remote: at("10.0.0.9:41")}}, 0},
		{"another port", ends("127.0.0.1:2000", "127.0.0.1:7001", 5, 2), 0},
	} {
		if got := findStrays(paths, newSocketTable(table(c.more)), nil, holders); len(got) != c.want {
			t.Errorf("%s: got %v, want %d", c.what, got, c.want)
		}
	}
	if got := findStrays(paths, newSocketTable(table(ends("127.0.0.1:2000", server, 5, 2))), map[netip.AddrPort]bool{at("127.0.0.1:2000"): true}, holders); len(got) != 0 {
		t.Errorf("got %v of one that was told", got)
	}
}

// Of a server on another host the sockets of the clients on this one tell.
func TestStraysToAnotherHost(t *testing.T) {
	at := func(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }
	holders := func([]uint32) map[uint32][]int { return map[uint32][]int{1: {100}, 2: {100}, 3: {300}, 4: {7}} }
	paths := []proxiedPath{{"kv", at("127.0.0.1:1001"), at("10.0.0.1:1002"), at("10.9.9.9:7000")}}
	table := []sock.Connection{{Local: at("127.0.0.1:1001"), Remote: at("127.0.0.1:9000"), Inode: 1}, {Local: at("10.0.0.1:1002"), Remote: at("10.9.9.9:7000"), Inode: 4}}
	for _, c := range []struct {
		what string
		more sock.Connection
		want int
	}{
		{"the same process", sock.Connection{Local: at("10.0.0.1:2000"), Remote: at("10.9.9.9:7000"), Inode: 2}, 1},
		{"another process", sock.Connection{Local: at("10.0.0.1:2000"), Remote: at("10.9.9.9:7000"), Inode: 3}, 0},
		{"a process that cannot be known", sock.Connection{Local: at("10.0.0.1:2000"), Remote: at("10.9.9.9:7000"), Inode: 77}, 0},
		{"another port", sock.Connection{Local: at("10.0.0.1:2000"), Remote: at("10.9.9.9:7001"), Inode: 2}, 0},
	} {
		all := append(slices.Clone(table), c.more)
		got := findFarStrays(paths, newSocketTable(all), nil, holders)
		if len(got) != c.want || len(findStrays(paths, newSocketTable(all), nil, holders)) != 0 {
			t.Errorf("%s: got %v, want %d", c.what, got, c.want)
		}
		if told := findFarStrays(paths, newSocketTable(all), map[netip.AddrPort]bool{c.more.Local: true}, holders); len(told) != 0 {
			t.Errorf("%s: got %v of one that was told", c.what, told)
		}
	}
}
