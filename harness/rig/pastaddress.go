package rig

import (
	"context"
	"maps"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/sleep"
	"github.com/sockharness/harness/harness/sock"
)

// clientLook is the pause between two looks at the sockets of a client.
const clientLook = time.Millisecond

// A clientWatch looks for connections of a client process to a server that we have not
// started, on whichever host that is: what such a server is connected to may be
// anybody's, so the sockets of the client itself have to tell, while it has them open.
// A connection that has come and gone between two looks is not seen.
type clientWatch struct {
	diag    *sock.Diag
	process *peer.Process
	proxy   netip.AddrPort // the client's connections to it are meant
	servers []netip.Addr
	port    uint16

	looks map[uint32]uint // how often a socket was there, by inode
	past  map[netip.AddrPort]bool
}

// watchClient watches a client that was just started, if its server is an address. End must be
// called; it returns how many connections went past the proxy. Where the kernel does not
// tell there are none.
func (b *Testbed) watchClient(ctx context.Context, process *peer.Process, proxy net.Addr, upstream string) (end func() int) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan int, 1)
	go func() {
		past := 0
		if b.target.Server.Address != "" {
			past = watchUntil(ctx, process, proxy, upstream)
		}
		done <- past
	}()
	return func() int {
		cancel()
		return <-done
	}
}

// watchUntil looks until the context ends.
func watchUntil(ctx context.Context, process *peer.Process, proxy net.Addr, upstream string) int {
	w := clientWatch{process: process, looks: map[uint32]uint{}, past: map[netip.AddrPort]bool{}}
	if at, ok := proxy.(*net.TCPAddr); ok {
		w.proxy = netip.AddrPortFrom(at.AddrPort().Addr().Unmap(), at.AddrPort().Port())
	}
	var err error
	if w.servers, w.port, err = resolveServer(ctx, upstream); err != nil {
		return 0
	}
	if w.diag, err = sock.OpenDiag(); err != nil {
		return 0
	}
	defer w.diag.Close()
	for ctx.Err() == nil {
		w.lookAtSockets()
		_ = sleep.For(ctx, clientLook)
	}
	return len(w.past)
}

// resolveServer returns the addresses of a server of TCP, which may be given by name.
func resolveServer(ctx context.Context, upstream string) ([]netip.Addr, uint16, error) {
	network, address, err := sock.ParseAddress(upstream)
	if err != nil || network != "tcp" {
		return nil, 0, net.UnknownNetworkError(network)
	}
	host, name, err := net.SplitHostPort(address)
	if err != nil {
		return nil, 0, err
	}
	port, err := net.DefaultResolver.LookupPort(ctx, network, name)
	if err != nil {
		return nil, 0, err
	}
	addresses, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	return addresses, uint16(port), err
}

// lookAtSockets asks the kernel where the client's sockets lead to, once there are others than before:
// a look at all connections of the host takes the kernel a millisecond.
func (w *clientWatch) lookAtSockets() {
	sockets := w.process.OpenSockets()
	maps.DeleteFunc(w.looks, func(inode uint32, _ uint) bool { _, there := sockets[inode]; return !there })
	due := false
	for inode := range sockets {
		n := w.looks[inode]
		due = due || n&(n-1) == 0 // the first look, the second, fourth, eighth: it may be connected later
		w.looks[inode] = n + 1
	}
	if !due {
		return
	}
	all, _ := w.diag.Connections(w.port, true)
	for _, c := range all {
		if _, held := sockets[c.Inode]; !held || c.Remote == w.proxy {
			continue
		}
		if slices.ContainsFunc(w.servers, func(server netip.Addr) bool { return sameServer(c.Remote.Addr(), server.Unmap()) }) {
			w.past[c.Local] = true
		}
	}
}
