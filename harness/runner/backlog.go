package runner

import (
	"net/netip"
	"slices"

	"github.com/sockharness/harness/harness/sock"
)

// serverListeners returns the sockets at which the server takes connections in.
func (b *testbed) serverListeners() ([]sock.Listener, error) {
	_, address := b.serverProcess()
	return listenersAt(address)
}

// listenersAt returns the sockets that take in the connections to an address.
func listenersAt(address string) ([]sock.Listener, error) {
	diag, err := sock.OpenDiag()
	if err != nil {
		return nil, err
	}
	defer diag.Close()
	if network, path, err := sock.ParseAddress(address); err == nil && network == "unix" {
		return unixListenersAt(diag, path)
	}
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, err
	}
	all, err := diag.AllListeners()
	return slices.DeleteFunc(all, func(l sock.Listener) bool {
		return l.Addr.Port() != at.Port() || l.Addr.Addr() != at.Addr() && !l.Addr.Addr().IsUnspecified()
	}), err
}

// unixListenersAt is listenersAt for a path.
func unixListenersAt(diag *sock.Diag, path string) (found []sock.Listener, err error) {
	all, err := diag.UnixSockets()
	for _, s := range all {
		if s.State == sock.Listen && s.Name == path {
			found = append(found, sock.Listener{Inode: s.Inode, Queued: s.Unread, Backlog: s.Unsent})
		}
	}
	return found, err
}

// maxConcurrency is how many variants at a time, at most so many, the server's queue bears,
// accept it or not: each has a connection of its own and one of another client. Of those
// that find it full the kernel drops or resets some: http.server asks for a queue of 5.
func (b *testbed) maxConcurrency(most int) int {
	const each = 2
	all, err := b.serverListeners()
	if err != nil {
		return most
	}
	for _, l := range all {
		most = min(most, max(1, int(l.Backlog+1)/each))
	}
	return most
}
