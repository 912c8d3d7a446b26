package runner

import (
	"net/netip"
	"slices"

	"github.com/sockharness/harness/harness/sock"
)

// listeners returns the sockets at which the server takes connections in.
func (b *bench) listeners() ([]sock.Listener, error) {
	_, address := b.process()
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, err
	}
	return listenersAt(at)
}

// listenersAt returns the sockets that take in the connections to an address.
func listenersAt(at netip.AddrPort) ([]sock.Listener, error) {
	diag, err := sock.OpenDiag()
	if err != nil {
		return nil, err
	}
	defer diag.Close()
	all, err := diag.Listeners()
	return slices.DeleteFunc(all, func(l sock.Listener) bool {
		return l.Addr.Port() != at.Port() || l.Addr.Addr() != at.Addr() && !l.Addr.Addr().IsUnspecified()
	}), err
}

// bearable is how many variants at a time, at most so many, the server's queue bears,
// accept it or not: each has a connection of its own and one of another client. Of those
// that find it full the kernel drops or resets some: http.server asks for a queue of 5.
func (b *bench) bearable(most int) int {
	const each = 2
	all, err := b.listeners()
	if err != nil {
		return most
	}
	for _, l := range all {
		most = min(most, max(1, int(l.Backlog+1)/each))
	}
	return most
}
