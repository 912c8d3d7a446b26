package api

import (
	"net/netip"
	"slices"

	"github.com/sockharness/harness/harness/sock"
)

// findFarStrays returns the clients on this host that are connected past their proxy to a server
// on another one. Of them only their own sockets tell, so the process must be known that has
// them, and be a client of the proxy. Where neither is on this host, nobody can tell.
func findFarStrays(paths []proxiedPath, t socketTable, skip map[netip.AddrPort]bool, holders func([]uint32) map[uint32][]int) (list []stray) {
	ours, far := map[netip.AddrPort]bool{}, map[netip.AddrPort][]proxiedPath{}
	for _, p := range paths {
		ours[p.from] = true
		_, server := t.byEnds[[2]netip.AddrPort{p.upstream, p.from}]
		if _, client := t.byLocal[p.client]; client && !server {
			far[p.upstream] = append(far[p.upstream], p)
		}
	}
	var candidates []sock.Connection
	var inodes []uint32
	for _, c := range t.all {
		if len(far[c.Remote]) == 0 || ours[c.Local] || skip[c.Local] {
			continue
		}
		candidates, inodes = append(candidates, c), append(inodes, c.Inode)
		for _, p := range far[c.Remote] {
			inodes = append(inodes, t.byLocal[p.client].Inode)
		}
	}
	if len(candidates) == 0 {
		return nil
	}
	held := holders(inodes)
	for _, c := range candidates {
		i := slices.IndexFunc(far[c.Remote], func(p proxiedPath) bool {
			return slices.ContainsFunc(held[t.byLocal[p.client].Inode], func(pid int) bool { return slices.Contains(held[c.Inode], pid) })
		})
		if i >= 0 {
			list = append(list, stray{far[c.Remote][i].proxy, c.Local, c.Remote})
		}
	}
	return list
}
