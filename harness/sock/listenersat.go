package sock

import (
	"net/netip"
	"slices"
)

// ListenersAt returns the sockets of this host that take in the connections to an address,
// of TCP by number or of a unix socket; none where it is another host's. The error wraps
// [ErrUnsupported] where the system does not tell.
func ListenersAt(address string) ([]Listener, error) {
	diag, err := OpenDiag()
	if err != nil {
		return nil, err
	}
	defer diag.Close()
	if network, path, err := ParseAddress(address); err == nil && network == "unix" {
		return unixListenersAt(diag, path)
	}
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, err
	}
	all, err := diag.AllListeners()
	return slices.DeleteFunc(all, func(l Listener) bool {
		return l.Addr.Port() != at.Port() || l.Addr.Addr() != at.Addr() && !l.Addr.Addr().IsUnspecified()
	}), err
}

// unixListenersAt is ListenersAt for a path.
func unixListenersAt(d *Diag, path string) (found []Listener, err error) {
	all, err := d.UnixSockets()
	for _, s := range all {
		if s.State == Listen && s.Name == path {
			found = append(found, Listener{Inode: s.Inode, Queued: s.Unread, Backlog: s.Unsent})
		}
	}
	return found, err
}
